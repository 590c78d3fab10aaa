// The state of an x86 processor as QEMU notes it in dumps, ELF and kdump alike (QEMU, target/i386/arch_dump.c,
// QEMUCPUState): two words, 18 registers, ten segments of 24 bytes, the control registers, and in newer ones another.
import type { ProcessorState } from "../../image/Elf.ts"
import type { Header } from "./headers.ts"

export const OWNER = "QEMU"

const names = "rax rbx rcx rdx rsi rdi rsp rbp r8 r9 r10 r11 r12 r13 r14 r15 rip rflags".split(" ")

const REGISTERS_AT = 8
const CONTROL_AT = REGISTERS_AT + 8 * names.length + 10 * 24
const SIZE = CONTROL_AT + 5 * 8

/** The state; what is wrong with the note, in words; `undefined` for a version that is not known. */
export const processorState = (note: Header): ProcessorState | string | undefined => {
  const { length } = note.bytes
  if (length < REGISTERS_AT) return `the state of a processor takes ${SIZE} bytes or more, this one has ${length}`
  if (note.u32(0) !== 1) return undefined
  if (length < SIZE || note.u32(4) > length) {
    return `the state of a processor takes ${Math.max(SIZE, note.u32(4))} bytes, this one has ${length}`
  }
  const control = (number: number): bigint => note.u64(CONTROL_AT + 8 * number)
  return {
    cr0: control(0),
    cr2: control(2),
    cr3: control(3),
    cr4: control(4),
    registers: Object.fromEntries(names.map((name, i) => [name, note.u64(REGISTERS_AT + 8 * i)]))
  }
}
