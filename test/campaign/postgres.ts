// A PostgreSQL of our own, in a directory that goes away: as Debian installs it, without touching the one of the machine.
import { execFileSync } from "node:child_process"
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const versions = "/usr/lib/postgresql"
const newest = existsSync(versions)
  ? readdirSync(versions)
      .sort((a, b) => Number(a) - Number(b))
      .at(-1)
  : undefined

export const hasPostgres = newest !== undefined && existsSync(join(versions, newest, "bin", "initdb"))

export interface Postgres {
  /** The address of a database that is empty. */
  readonly database: (name: string) => string
  /** Stops as in a crash, and starts anew. */
  readonly restart: () => void
  readonly stop: () => void
}

/** Starts one that listens on a port of this machine. It refuses to run as root, so then it runs as its own user. */
export const startPostgres = (port: number): Postgres => {
  const directory = mkdtempSync(join(tmpdir(), "memmap-pg-"))
  chmodSync(directory, 0o755)
  const isRoot = process.getuid?.() === 0
  const [user, ...switching] = isRoot ? ["postgres", "runuser", "-u", "postgres", "--"] : [process.env["USER"] ?? "me"]
  if (isRoot) {
    const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }))
    chownSync(directory, id("-u"), id("-g"))
  }
  const run = (program: string, ...args: ReadonlyArray<string>) => {
    const [command = "", ...rest] = [...switching, join(versions, newest!, "bin", program), ...args]
    execFileSync(command, rest, { stdio: "ignore", cwd: directory })
  }
  const data = join(directory, "data")
  run("initdb", "-D", data, "-U", user, "-A", "trust")
  const options = `-p ${port} -k ${directory} -c listen_addresses=127.0.0.1 -c fsync=off`
  const start = () => run("pg_ctl", "-D", data, "-l", join(directory, "log"), "-o", options, "-w", "start")
  start()
  return {
    database: (name) => {
      run("createdb", "-h", "127.0.0.1", "-p", String(port), "-U", user, name)
      return `postgres://${user}@127.0.0.1:${port}/${name}`
    },
    restart: () => {
      run("pg_ctl", "-D", data, "-m", "immediate", "stop")
      start()
    },
    stop: () => {
      run("pg_ctl", "-D", data, "-m", "immediate", "stop")
      rmSync(directory, { recursive: true, force: true })
    }
  }
}
