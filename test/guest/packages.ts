// Kernels, and a busybox, out of Debian's packages: for the architecture of this machine and for others. They are unpacked and
// not installed, and the lists of packages are kept apart from this machine's own.
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"

export const cache = process.env["GUESTS"] ?? join(import.meta.dirname, "../../.cache/guests")

export const run = (
  command: string,
  args: ReadonlyArray<string>,
  options: { cwd?: string; input?: string | Buffer } = {}
): Buffer => {
  const ran = spawnSync(command, args, { maxBuffer: 1 << 30, ...options })
  if (ran.status === 0) return ran.stdout
  throw new Error(`${command} ${args.join(" ")}: ${ran.error?.message ?? ran.stderr.toString()}`)
}

/** Options by which apt works on another architecture, in folders of its own. */
const options = (architecture: string): ReadonlyArray<string> => {
  const state = join(cache, "apt", architecture)
  const own = [`APT::Architecture=${architecture}`, `APT::Architectures=${architecture}`]
  own.push(`Dir::State::lists=${state}/lists`, `Dir::Cache=${state}/cache`)
  const flags = own.flatMap((option) => ["-o", option])
  if (!existsSync(join(state, "lists", "lock"))) {
    for (const folder of ["lists/partial", "cache/archives/partial"])
      mkdirSync(join(state, folder), { recursive: true })
    // One of several lists that cannot be had is no reason to stop: what is missing in them is told below.
    spawnSync("apt-get", [...flags, "-qq", "update"], { stdio: "inherit" })
  }
  return flags
}

/** Versions are numbers between anything else: 6.1.0-9 comes before 6.1.0-10. */
const newer = (a: string, b: string): number => {
  const numbers = (name: string) => Array.from(name.matchAll(/\d+/g), Number)
  const [of, other] = [numbers(a), numbers(b)]
  const i = of.findIndex((number, at) => number !== other[at])
  return i < 0 ? 0 : (other[i] ?? 0) - of[i]!
}

/** Fetches and unpacks the newest package of such a name; the folder with its files. */
export const unpacked = (name: RegExp, prefix: string, architecture: string): string => {
  const folder = join(cache, "packages", architecture)
  mkdirSync(folder, { recursive: true })
  const known = readdirSync(folder).find((entry) => name.test(entry))
  if (known !== undefined) return join(folder, known)
  const apt = options(architecture)
  const names = run("apt-cache", [...apt, "pkgnames", prefix])
    .toString()
    .split("\n")
  const newest = names.filter((entry) => name.test(entry)).sort(newer)[0]
  if (newest === undefined) throw new Error(`no package for ${architecture} matches ${name}`)
  const files = join(cache, "debs")
  mkdirSync(files, { recursive: true })
  run("apt-get", [...apt, "download", newest], { cwd: files })
  const file = readdirSync(files).find(
    (entry) => entry.startsWith(`${newest}_`) && entry.endsWith(`_${architecture}.deb`)
  )
  run("dpkg", ["-x", join(files, file!), join(folder, newest)])
  return join(folder, newest)
}
