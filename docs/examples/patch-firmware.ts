// Patches a firmware image, and writes the whole as Intel HEX.
//
//     node patch-firmware.ts FIRMWARE ADDRESS=HEXBYTES OUTPUT
//
// FIRMWARE is in any format that can be opened. It stays as it is: the patch is a mapping that lies over it.
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Layer, Result, Stream } from "effect"
import { AddressRange, MemoryImage, MemoryMap } from "effect-memory-map"
import * as IntelHex from "effect-memory-map/image/IntelHex"
import { NodeMemoryMap } from "effect-memory-map/node"
import { Hex } from "effect/encoding"

const parsePatch = (text: string) => {
  const [address = "", bytes = ""] = text.split("=")
  return Result.all({ address: AddressRange.parseAddress(address), bytes: Hex.decode(bytes) })
}

const program = Effect.gen(function* () {
  const [path = "", patch = "", output = ""] = process.argv.slice(2)
  const { address, bytes } = yield* Effect.fromResult(parsePatch(patch))
  const fs = yield* FileSystem.FileSystem

  const { map: firmware } = yield* MemoryImage.open(path)
  const before = yield* MemoryMap.getBytes(firmware, address, bytes.length) // fails unless all of it is there to patch
  const patched = yield* MemoryMap.addBytes(firmware, bytes, address, { name: "patch" })

  yield* Stream.run(IntelHex.write(patched), fs.sink(output))
  yield* Console.log(`${AddressRange.formatAddress(address)}: ${Hex.encode(before)} -> ${Hex.encode(bytes)}`)
})

const layers = Layer.merge(NodeMemoryMap.layer, NodeServices.layer)
NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(layers)))
