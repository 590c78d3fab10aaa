import type { Effect } from "effect"
import type { PlatformError } from "effect/PlatformError"
import type { Scope } from "effect/Scope"
import { describe, expectTypeOf, it } from "vitest"
import { type ByteSource, type FileMapper, type ImageFormat, MemoryImage, type MemoryMap } from "../../src/index.ts"
import * as Elf from "../../src/image/Elf.ts"
import type * as Lime from "../../src/image/Lime.ts"
import type { ImageError, SourceError } from "../../src/MemoryMapError.ts"
import type * as Snapshot from "../../src/Snapshot.ts"

declare const source: ByteSource.ByteSource
declare const format: MemoryImage.Format | undefined

type Opened<A> = Effect.Effect<A, ImageError | SourceError | PlatformError, FileMapper.FileMapper | Scope>

describe("MemoryImage", () => {
  it("gives the image of the format that was asked for", () => {
    expectTypeOf(MemoryImage.open("core", { format: "elf" })).toEqualTypeOf<Opened<Elf.ElfImage>>()
    expectTypeOf(MemoryImage.open<"snapshot">("a.snap", { format: "snapshot" })).toEqualTypeOf<
      Opened<Snapshot.SnapshotImage>
    >()
    expectTypeOf(MemoryImage.fromSource(source, { format: "lime" })).toEqualTypeOf<
      Effect.Effect<Lime.LimeImage, ImageError | SourceError>
    >()
  })

  it("gives any image where no format is named, or it is known at run time only", () => {
    expectTypeOf(MemoryImage.open("core")).toEqualTypeOf<Opened<MemoryImage.MemoryImage>>()
    expectTypeOf(MemoryImage.open("core", { addresses: "physical" })).toEqualTypeOf<Opened<MemoryImage.MemoryImage>>()
    expectTypeOf(MemoryImage.open("core", { format })).toEqualTypeOf<Opened<MemoryImage.MemoryImage>>()
    expectTypeOf(MemoryImage.fromSource(source)).toEqualTypeOf<
      Effect.Effect<MemoryImage.MemoryImage, ImageError | SourceError>
    >()
  })

  it("promises no format that was not asked for", () => {
    // @ts-expect-error a type argument alone forces no format
    void MemoryImage.open<"elf">("core")
    // @ts-expect-error likewise
    void MemoryImage.fromSource<"elf">(source)
    // @ts-expect-error another format than the one promised
    void MemoryImage.open<"elf">("core", { format: "kdump" })
    // @ts-expect-error no such format
    void MemoryImage.open("core", { format: "elv" })
  })

  it("names its errors", () => {
    expectTypeOf<MemoryImage.OpenError>().toEqualTypeOf<ImageError | SourceError | PlatformError>()
    expectTypeOf<MemoryImage.DecodeError>().toEqualTypeOf<ImageError | SourceError>()
  })

  it("has a format for each kind of image, of its own name", () => {
    expectTypeOf<MemoryImage.MemoryImage["format"]>().toEqualTypeOf<MemoryImage.Format>()
    expectTypeOf<MemoryImage.Images["elf"]>().toEqualTypeOf<Elf.ElfImage>()
    expectTypeOf<MemoryImage.MemoryImage>().toExtend<{ readonly map: MemoryMap.Mapped }>()
    expectTypeOf(Elf.format).toExtend<ImageFormat.ImageFormat<Elf.ElfImage, Elf.OpenOptions>>()
  })
})
