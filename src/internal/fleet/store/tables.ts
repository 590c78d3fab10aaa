// The tables of a store, step by step: a step that was published is never changed, only followed by another.
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"

const first = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE fleet_images (
    id TEXT PRIMARY KEY,
    location TEXT NOT NULL,
    size BIGINT NOT NULL,
    modified BIGINT,
    added_at BIGINT NOT NULL
  )`
  yield* sql`CREATE TABLE fleet_questions (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    asked_at BIGINT NOT NULL
  )`
  // chunks and chunk_bytes are known when the image was first opened.
  yield* sql`CREATE TABLE fleet_tasks (
    question TEXT NOT NULL,
    image TEXT NOT NULL,
    chunks INTEGER,
    chunk_bytes BIGINT,
    PRIMARY KEY (question, image)
  )`
  yield* sql`CREATE TABLE fleet_answers (
    question TEXT NOT NULL,
    image TEXT NOT NULL,
    chunk INTEGER NOT NULL,
    state TEXT NOT NULL,
    result TEXT,
    error TEXT,
    message TEXT,
    bytes BIGINT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    worker TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (question, image, chunk)
  )`
  yield* sql`CREATE INDEX fleet_answers_at ON fleet_answers (at)`
  // address is 0x and 16 digits, so that it sorts; place is where the bytes are in their source.
  yield* sql`CREATE TABLE fleet_hits (
    question TEXT NOT NULL,
    image TEXT NOT NULL,
    chunk INTEGER NOT NULL,
    number INTEGER NOT NULL,
    address TEXT NOT NULL,
    length BIGINT NOT NULL,
    source TEXT NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (question, image, chunk, number)
  )`
  // Who began a step and has not ended it: a row that stays is a worker that died there.
  yield* sql`CREATE TABLE fleet_trials (
    question TEXT NOT NULL,
    image TEXT NOT NULL,
    chunk INTEGER NOT NULL,
    worker TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    PRIMARY KEY (question, image, chunk, worker)
  )`
  yield* sql`CREATE TABLE fleet_workers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    steps BIGINT NOT NULL
  )`
})

export const MIGRATIONS = { "0001_tables": first }
