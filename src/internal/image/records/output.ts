// Lines of hexadecimal digits, written straight into a growing array of ASCII.

const DIGITS = new TextEncoder().encode("0123456789ABCDEF")

/** Two upper-case digits, for messages. */
export const hexByte = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0")

export class TextOutput {
  private bytes = new Uint8Array(1 << 16)
  private length = 0
  private sum = 0
  private readonly mark: Uint8Array
  private readonly newline: Uint8Array

  /** Every line starts with `mark`. */
  constructor(mark: string, newline: string) {
    this.mark = new TextEncoder().encode(mark)
    this.newline = new TextEncoder().encode(newline)
  }

  /** Starts a line. */
  begin(): void {
    if (this.bytes.length - this.length < 1024) {
      const larger = new Uint8Array(2 * this.bytes.length)
      larger.set(this.bytes)
      this.bytes = larger
    }
    this.sum = 0
    this.ascii(this.mark)
  }

  ascii(text: Uint8Array): void {
    this.bytes.set(text, this.length)
    this.length += text.length
  }

  /** Two digits; the byte counts towards the checksum. */
  byte(value: number): void {
    this.sum += value
    this.bytes[this.length++] = DIGITS[value >> 4]!
    this.bytes[this.length++] = DIGITS[value & 15]!
  }

  /** Ends the line with the checksum that `checksum` makes of the sum of its bytes. */
  end(checksum: (sum: number) => number): void {
    this.byte(checksum(this.sum))
    this.ascii(this.newline)
  }

  /** All lines since the last time. */
  take(): Uint8Array {
    const taken = this.bytes.slice(0, this.length)
    this.length = 0
    return taken
  }
}
