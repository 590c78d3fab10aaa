import { assert, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as MachineModel from "../src/MachineModel.ts"

it("a word is 4 or 8 bytes", () => {
  assert.deepStrictEqual([MachineModel.wordBytes(32), MachineModel.wordBytes(64)], [4, 8])
})

it("the codecs take what there is, and nothing else", () => {
  const takes = (schema: Schema.Decoder<unknown>, value: unknown) =>
    Result.isSuccess(Schema.decodeUnknownResult(schema)(value))
  for (const value of [32, 64]) assert.isTrue(takes(MachineModel.WordSize, value))
  for (const value of [16, 0, "32", 64n, null]) assert.isFalse(takes(MachineModel.WordSize, value))
  for (const value of ["little", "big"]) assert.isTrue(takes(MachineModel.Endian, value))
  for (const value of ["middle", "", "LITTLE", 1]) assert.isFalse(takes(MachineModel.Endian, value))
})
