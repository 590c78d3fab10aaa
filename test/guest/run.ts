// `npm run guests [NAME...]`: boots the guests of test/guest/machines.ts in QEMU, all of them without names, and holds what is read
// from their dumps against what they said themselves (booted.test.ts). CI runs it; without QEMU it says so and ends well.
import { spawnSync } from "node:child_process"
import { delimiter, join } from "node:path"
import { boot } from "./boot.ts"
import { guests, machines } from "./machines.ts"
import { cache } from "./packages.ts"

const names = process.argv.slice(2)
const unknown = names.filter((name) => guests.every((guest) => guest.name !== name))
if (unknown.length > 0) {
  console.error(`no guest ${unknown.join(", ")}; there are ${guests.map(({ name }) => name).join(", ")}`)
  process.exit(2)
}

let [tried, booted] = [0, 0]
for (const guest of guests.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const { compiler, qemu } = machines[guest.machine]
  const missing = ["apt-get", "cpio", "xz", "makedumpfile", compiler[0], qemu[0]].filter(
    (tool) => spawnSync("which", [tool]).status !== 0
  )
  if (missing.length > 0) {
    console.log(`${guest.name}: not booted, for want of ${missing.join(", ")}`)
    continue
  }
  tried++
  const since = performance.now()
  try {
    await boot(guest)
    booted++
    console.log(`${guest.name}: booted and dumped in ${((performance.now() - since) / 1000).toFixed(0)} s`)
  } catch (error) {
    console.error(`${guest.name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
const root = join(import.meta.dirname, "../..")
const path = `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"]}`
const { status } = spawnSync("vitest", ["run", "test/guest"], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PATH: path, GUESTS: cache }
})
// A mirror that is being written may lack one kernel or another; that all are lacking is a fault.
if (booted < tried) console.log(`${booted} of ${tried} guests could be booted`)
process.exit((tried > 0 && booted === 0) || status !== 0 ? 1 : 0)
