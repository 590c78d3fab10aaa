// Page tables of x86-64 by the million, faster than testing/PageTables makes them, which knows every format.

/** Present, writable, for users, used and written. */
const LINK = 0x67

/** Tables of x86-64 for `count` pages from virtual address 0 on; page i leads to frame `frameOf(i)`, if that is not negative. */
export const tablesFor = (count: number, frameOf: (page: number) => number): Uint8Array => {
  const tables = Math.ceil(count / 512)
  const directories = Math.ceil(tables / 512)
  const bytes = new Uint8Array((2 + directories + tables) * 4096)
  const words = new Uint32Array(bytes.buffer)
  const set = (table: number, index: number, frame: number) => {
    words[table * 1024 + index * 2] = ((frame << 12) | LINK) >>> 0
    words[table * 1024 + index * 2 + 1] = frame >>> 20
  }
  set(0, 0, 1)
  for (let i = 0; i < directories; i++) set(1, i, 2 + i)
  for (let i = 0; i < tables; i++) set(2 + Math.floor(i / 512), i % 512, 2 + directories + i)
  for (let i = 0; i < count; i++) {
    const frame = frameOf(i)
    if (frame >= 0) set(2 + directories + Math.floor(i / 512), i % 512, frame)
  }
  return bytes
}
