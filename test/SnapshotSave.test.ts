import { NodeFileSystem } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import * as NFS from "node:fs"
import { ByteSource, FileMapper, MemoryMap } from "../src/index.ts"
import * as Snapshot from "../src/Snapshot.ts"
import { collect, contents, mapOf } from "./support/images.ts"

const u8 = (...bytes: ReadonlyArray<number>) => new Uint8Array(bytes)

const files = Layer.provideMerge(FileMapper.layerFileSystem, NodeFileSystem.layer)

layer(files)("Snapshot.save", (it) => {
  const directory = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

  it.effect("writes what toStream gives, and tells how far it is", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* directory}/map.snap`
      const map = yield* mapOf([
        { address: 0x1234n, bytes: new Uint8Array(3_000_000).fill(7) },
        { address: 0x1_0000_0000n, bytes: u8(1, 2, 3) }
      ])
      const heard: Array<Snapshot.Progress> = []
      yield* map.pipe(Snapshot.save(path, { onProgress: (progress) => Effect.sync(() => heard.push(progress)) }))
      const bytes = yield* fs.readFile(path)
      assert.deepStrictEqual(new Uint8Array(bytes), yield* collect(Snapshot.toStream(map)))
      assert.deepStrictEqual(heard.at(-1), { written: BigInt(bytes.length), total: BigInt(bytes.length) })
      assert.isAbove(heard.length, 3)
      assert.deepStrictEqual(yield* contents(yield* Snapshot.open(path)), yield* contents(map))
      assert.deepStrictEqual(yield* Snapshot.verify(path), { segments: 2, bytes: 3_000_003n })
    })
  )

  it.effect("leaves pages of zeros out of the file", () =>
    Effect.gen(function* () {
      const path = `${yield* directory}/map.snap`
      const half = new Uint8Array(4 << 20)
      half.fill(1, 0, 1 << 20)
      half[(3 << 20) + 5] = 1
      const map = yield* MemoryMap.addAll(MemoryMap.empty, [
        { source: ByteSource.fromBytes(half), address: 0x10_0000n },
        { source: ByteSource.zeros(64n << 20n), address: 0x1000_0000n }
      ])
      yield* Snapshot.save(map, path)
      const { blocks, size } = NFS.statSync(path)
      assert.isAbove(size, 68 << 20)
      assert.isBelow(blocks * 512, 2 << 20)
      assert.deepStrictEqual(yield* Snapshot.verify(path), { segments: 2, bytes: 68n << 20n })
      const again = yield* Snapshot.open(path)
      assert.deepStrictEqual(yield* MemoryMap.getBytes(again, 0x10_0000n, half.length), half)
    })
  )

  it.effect("can replace the file that the map comes from", () =>
    Effect.gen(function* () {
      const path = `${yield* directory}/map.snap`
      yield* Snapshot.save(yield* mapOf([{ address: 0n, bytes: u8(1, 2, 3) }]), path)
      const opened = yield* Snapshot.open(path)
      const more = yield* MemoryMap.addBytes(opened, u8(9), 100n)
      yield* Snapshot.save(more, path)
      assert.deepStrictEqual(yield* contents(yield* Snapshot.open(path)), yield* contents(more))
    })
  )

  it.effect("leaves the old file and nothing else when it fails or is interrupted", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const at = yield* directory
      const path = `${at}/map.snap`
      yield* fs.writeFileString(path, "old")
      const broken = ByteSource.make({
        name: "broken",
        size: 5n << 20n,
        read: (offset, length) =>
          offset < 3n << 20n ? Effect.succeed(new Uint8Array(length).fill(1)) : Effect.die("no such byte")
      })
      const failing = yield* MemoryMap.add(MemoryMap.empty, broken, 0n)
      assert.isTrue((yield* Effect.exit(Snapshot.save(failing, path)))._tag === "Failure")
      assert.deepStrictEqual(yield* fs.readDirectory(at), ["map.snap"])

      const endless = ByteSource.make({ name: "endless", size: 1n, read: () => Effect.never })
      const stuck = yield* MemoryMap.add(MemoryMap.empty, endless, 0n)
      const outcome = yield* Effect.raceFirst(
        Snapshot.save(stuck, path),
        Effect.repeat(fs.readDirectory(at), { until: (names) => names.length === 2 })
      )
      assert.strictEqual(outcome?.length, 2)
      assert.deepStrictEqual(yield* fs.readDirectory(at), ["map.snap"])
      assert.strictEqual(yield* fs.readFileString(path), "old")
    })
  )

  it.effect("follows links, also those that lead to nothing yet, and replaces nothing but files", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const at = yield* directory
      const [path, link] = [`${at}/map.snap`, `${at}/link.snap`]
      yield* fs.writeFileString(path, "old")
      yield* fs.symlink("map.snap", link)
      const map = yield* mapOf([{ address: 0n, bytes: u8(1) }])
      yield* Snapshot.save(map, link)
      assert.strictEqual(yield* fs.readLink(link), "map.snap")
      assert.deepStrictEqual(yield* contents(yield* Snapshot.open(path)), yield* contents(map))

      yield* fs.symlink("/dev/null", `${at}/null`)
      yield* Snapshot.save(map, `${at}/null`)
      assert.strictEqual((yield* fs.stat(`${at}/null`)).type, "CharacterDevice")
      yield* fs.makeDirectory(`${at}/more`)
      const error = yield* Effect.flip(Snapshot.save(map, `${at}/more`))
      assert.include(error.message, "it is a directory, and cannot be written to")

      yield* fs.symlink("more/new.snap", `${at}/dangling`)
      yield* Snapshot.save(map, `${at}/dangling`)
      assert.strictEqual(yield* fs.readLink(`${at}/dangling`), "more/new.snap")
      assert.deepStrictEqual(yield* contents(yield* Snapshot.open(`${at}/more/new.snap`)), yield* contents(map))
      assert.sameMembers(yield* fs.readDirectory(at), ["map.snap", "link.snap", "null", "more", "dangling"])
    })
  )

  it.effect("fails with a PlatformError where it cannot write", () =>
    Effect.gen(function* () {
      const map = yield* mapOf([{ address: 0n, bytes: u8(1) }])
      const error = yield* Effect.flip(Snapshot.save(map, `${yield* directory}/missing/map.snap`))
      assert.strictEqual(error._tag, "PlatformError")
    })
  )
})
