// Names for files that are being written: beside the file whose place they will take, and telling who writes them, so that
// the next one who writes there can remove what a killed process has left, and nothing else.
import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import type * as FileSystem from "effect/FileSystem"
import * as Random from "effect/Random"

/**
 * A process, in a form that can stand in a name: `where` is the same for all processes that see each other's numbers, in
 * one boot of one machine or container; `who` is the number of the process and the time of its start, because numbers are
 * given again.
 */
interface Owner {
  readonly where: string
  readonly who: string
}

/** Number and start time of a process, from its file under /proc (proc_pid_stat(5), fields 1 and 22). */
const whoIs = (fs: FileSystem.FileSystem, number: string) =>
  Effect.map(fs.readFileString(`/proc/${number}/stat`), (text) => {
    // The name of the program, in parentheses, may hold anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
    return `${number}-${fields[19] ?? ""}`
  })

/** This process; `undefined` where no /proc says so: then nothing that it leaves can be told from what others write. */
const self = (fs: FileSystem.FileSystem): Effect.Effect<Owner | undefined> =>
  Effect.gen(function* () {
    const who = yield* whoIs(fs, yield* fs.readLink("/proc/self"))
    const boot = yield* fs.readFileString("/proc/sys/kernel/random/boot_id")
    const namespace = yield* fs.readLink("/proc/self/ns/pid")
    return { where: `${boot.slice(0, 8)}${namespace.replace(/\D/g, "")}`, who }
  }).pipe(Effect.orElseSucceed(() => undefined))

/** Characters of the target's name that are kept: names end at 255 bytes, and this is at most 180 of them. */
const KEPT = 60

/** What all partial files of one target begin with. */
const prefixOf = (name: string): string =>
  `${name.slice(0, KEPT)}.${(Hash.string(name) >>> 0).toString(16).padStart(8, "0")}`

const ENDING = ".partial"

/** Removes what dead processes have left of files for `name`; whether it can, is of no concern to who writes. */
const sweep = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, directory: string, name: string, where: string) {
  const beginning = `${prefixOf(name)}-${where}-`
  for (const file of yield* fs.readDirectory(directory === "" ? "." : directory)) {
    if (!file.startsWith(beginning) || !file.endsWith(ENDING)) continue
    const [number = "", start = ""] = file.slice(beginning.length, -ENDING.length).split("-")
    if (!/^\d+$/.test(number) || !/^\d+$/.test(start)) continue
    const alive = yield* Effect.orElseSucceed(whoIs(fs, number), () => "")
    if (alive !== `${number}-${start}`) yield* Effect.ignore(fs.remove(`${directory}${file}`, { force: true }))
  }
})

/** Creates an empty file beside `place` that only its owner can read, and gives its path. */
export const create = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, place: string) {
  const cut = place.lastIndexOf("/") + 1
  const [directory, name] = [place.slice(0, cut), place.slice(cut)]
  const owner = yield* self(fs)
  if (owner !== undefined) yield* Effect.ignore(sweep(fs, directory, name, owner.where))
  const mark = owner === undefined ? "" : `-${owner.where}-${owner.who}`
  const attempt = Effect.gen(function* () {
    const number = yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)
    const path = `${directory}${prefixOf(name)}${mark}-${number.toString(36)}${ENDING}`
    yield* Effect.scoped(fs.open(path, { flag: "wx", mode: 0o600 }))
    return path
  })
  // Two that write at once may draw the same number: one of them draws again.
  return yield* Effect.retry(attempt, { times: 100, while: (error) => error.reason._tag === "AlreadyExists" })
})
