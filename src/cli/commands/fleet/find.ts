// memmap fleet find: everything in one command, on one machine.
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as UserDirectories from "effect/persistence/UserDirectories"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { availableParallelism } from "node:os"
import type * as Fleet from "../../../fleet/Fleet.ts"
import * as Pattern from "../../../Pattern.ts"
import { action, empty, partial } from "../../action.ts"
import * as args from "../../arguments.ts"
import { Output } from "../../output.ts"
import { facts, findFlags, findQuestion, patterns } from "./ask.ts"
import { answerItem, hitItem } from "./answers.ts"
import { engine, memory } from "./arguments.ts"

const Payload = Schema.toCodecJson(Schema.Struct({ pattern: Pattern.Pattern, alignment: Schema.Unknown }))

/** A store for this question about this place, so that the same command goes on where it was. */
const storeOf = Effect.fnUntraced(
  function* (location: string, { payload }: Fleet.Question<unknown>) {
    const fs = yield* FileSystem.FileSystem
    const digest = yield* Digest.Digest
    const directory = `${yield* (yield* UserDirectories.UserDirectories).cache("memmap")}/fleet`
    yield* fs.makeDirectory(directory, { recursive: true })
    const asked = yield* Effect.orDie(Schema.encodeUnknownEffect(Payload)(payload))
    const text = new TextEncoder().encode(JSON.stringify([location, asked]))
    const name = yield* Effect.orDie(digest.digestHex(Digest.sha256, text))
    return `${directory}/${name.slice(0, 32)}.db`
  },
  Effect.provide(Layer.merge(Digest.layerWebCrypto, UserDirectories.layer))
)

export const find = Command.make(
  "find",
  {
    location: args
      .fileArgument("DIR")
      .pipe(Argument.withDescription("A directory of images, with all files below it, or one image")),
    patterns,
    ...findFlags,
    also: Flag.Literals("also", facts).pipe(
      Flag.withMetavar("WHAT"),
      Flag.withDescription("Ask this too: info, uname, ps, modules; may be repeated"),
      Flag.atLeast(0)
    ),
    store: args
      .fileFlag("store")
      .pipe(
        Flag.withMetavar("STORE"),
        Flag.withDescription("Keep the fleet there; else it is kept in the user's cache directory"),
        Flag.optional
      ),
    processes: args
      .count("processes", 1n, 1024n)
      .pipe(Flag.withAlias("j"), Flag.withDescription("Work in N processes (as many as cores)"), Flag.optional),
    memory
  },
  Effect.fnUntraced(
    function* (input) {
      const output = yield* Output
      const fleet = yield* engine
      const question = yield* findQuestion(input)
      const location = fleet.absolute(input.location)
      const store = yield* Option.match(input.store, {
        onNone: () => storeOf(location, question),
        onSome: (store) => Effect.succeed(store)
      })
      const run = Effect.gen(function* () {
        const { answers, ask, hits } = yield* fleet.Fleet.Fleet
        const { added, refused } = yield* fleet.addImages([location])
        const also: ReadonlyArray<Fleet.Question<unknown>> = input.also.map((name) => fleet.Fleet[name])
        yield* Effect.forEach([question, ...also], ask, { discard: true })
        yield* output.note(`${added.length} images; stopped, the same command goes on. Kept in ${store}`)
        const processes = Option.getOrElse(input.processes, availableParallelism)
        yield* fleet.work(store, { processes, memory: Option.getOrUndefined(input.memory) })
        // The store may know images that are no longer there.
        const here = new Set(added.map(({ id }) => id))
        let [found, failed] = [0, refused.length]
        const theirs = Stream.filter(hits(question), ({ image }) => here.has(image))
        yield* output.print(Stream.map(theirs, (hit) => (found++, hitItem(hit))))
        for (const fact of also) {
          const told = Stream.filter(answers(fact), ({ image }) => here.has(image))
          yield* output.print(Stream.map(told, answerItem(fact.kind)))
        }
        const wrong = Stream.filter(answers(question), ({ image, state }) => here.has(image) && state !== "answered")
        yield* Stream.runForEach(wrong, (answer) => {
          failed++
          return answer.state === "answered"
            ? Effect.void
            : output.error(`memmap: ${answer.location}: ${answer.message}\n`)
        })
        return { found, failed }
      })
      const { failed, found } = yield* fleet.withFleet(store, { create: true })(run)
      if (failed > 0) return yield* partial
      if (found === 0) return yield* empty
    },
    (work) => action(work)
  )
).pipe(
  Command.withDescription(
    "Find where a pattern matches in every image of a directory, with all cores of this machine. Stopped or killed, the same command goes on where it was."
  ),
  Command.withShortDescription("Find in all images of a directory"),
  Command.withExamples([
    { command: "memmap fleet find /var/crash 'out of memory'", description: "Which dumps hold this text?" },
    { command: "memmap fleet find /var/crash 'out of memory' --also uname", description: "And which kernel ran there?" }
  ])
)
