// Physical memory of a guest that is being made: bytes from one address on, given out piece by piece.

export class Arena {
  readonly bytes: Uint8Array
  readonly base: bigint
  readonly little: boolean
  private readonly view: DataView
  private used = 0

  constructor(base: bigint, size: number, little = true) {
    this.bytes = new Uint8Array(size)
    this.view = new DataView(this.bytes.buffer)
    this.base = base
    this.little = little
  }

  /** The physical address of `size` fresh bytes, all zero. */
  allocate(size: number, align = 8): bigint {
    const start = Math.ceil(this.used / align) * align
    if (start + size > this.bytes.length) throw new RangeError(`the guest's memory is full: ${size} more bytes`)
    this.used = start + size
    return this.base + BigInt(start)
  }
  private at(address: bigint): number {
    const at = Number(address - this.base)
    if (at < 0 || at >= this.bytes.length)
      throw new RangeError(`0x${address.toString(16)} is outside the guest's memory`)
    return at
  }
  put(address: bigint, bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at(address))
  }
  /** An unsigned number of 1, 2, 4 or 8 bytes; negative ones as two's complement. */
  number(address: bigint, size: number, value: bigint | number): void {
    const at = this.at(address)
    const number = BigInt(value)
    if (size === 8) this.view.setBigUint64(at, BigInt.asUintN(64, number), this.little)
    else if (size === 4) this.view.setUint32(at, Number(BigInt.asUintN(32, number)), this.little)
    else if (size === 2) this.view.setUint16(at, Number(BigInt.asUintN(16, number)), this.little)
    else this.bytes[at] = Number(BigInt.asUintN(8, number))
  }
  text(address: bigint, text: string): void {
    this.put(address, new TextEncoder().encode(text))
  }
  /** Fresh bytes with these contents. */
  place(bytes: Uint8Array, align = 8): bigint {
    const address = this.allocate(bytes.length, align)
    this.put(address, bytes)
    return address
  }
}

/** Bytes one after the other, for tables that are made before they have an address. */
export class Writer {
  private readonly parts: Array<number> = []
  get length(): number {
    return this.parts.length
  }
  number(value: bigint | number, size: number): this {
    let rest = BigInt.asUintN(8 * size, BigInt(value))
    for (let i = 0; i < size; i++) {
      this.parts.push(Number(rest & 0xffn))
      rest >>= 8n
    }
    return this
  }
  bytes(bytes: Iterable<number>): this {
    for (const byte of bytes) this.parts.push(byte)
    return this
  }
  text(text: string): this {
    return this.bytes(new TextEncoder().encode(text)).number(0, 1)
  }
  align(to: number): this {
    while (this.parts.length % to !== 0) this.parts.push(0)
    return this
  }
  finish(): Uint8Array {
    return Uint8Array.from(this.parts)
  }
}
