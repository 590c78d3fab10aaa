// Real files for a test file to work on, removed when it is done.
import { afterAll } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Writes `files` into a directory of their own; the answer gives the path of any name in it. */
export const temporaryFiles = (files: Readonly<Record<string, Uint8Array>> = {}): ((name: string) => string) => {
  const directory = mkdtempSync(join(tmpdir(), "memmap-"))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  const path = (name: string) => join(directory, name)
  for (const [name, bytes] of Object.entries(files)) writeFileSync(path(name), bytes)
  return path
}
