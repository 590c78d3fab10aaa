// The guests that test/guest/boot.ts boots: kernels of Debian, on the machines that QEMU plays.

/** How a kind of machine is made and started. */
export interface Machine {
  /** Debian's name of the architecture. */
  readonly debian: string
  readonly compiler: ReadonlyArray<string>
  readonly qemu: ReadonlyArray<string>
  /** The first serial line, which the kernel writes to. */
  readonly console: string
  /** The second one, for the facts, and what makes QEMU have it. */
  readonly facts: string
  readonly factsDevice: ReadonlyArray<string>
}

const pc = { console: "ttyS0", facts: "ttyS1", factsDevice: ["-serial", "chardev:facts"] } as const

export const machines = {
  "x86-64": {
    ...pc,
    debian: "amd64",
    compiler: ["gcc"],
    qemu: ["qemu-system-x86_64", "-machine", "pc,accel=tcg"]
  },
  i386: {
    ...pc,
    debian: "i386",
    compiler: ["gcc", "-m32", "-I/usr/include/x86_64-linux-gnu"],
    qemu: ["qemu-system-i386", "-machine", "pc,accel=tcg"]
  },
  aarch64: {
    debian: "arm64",
    compiler: ["aarch64-linux-gnu-gcc"],
    qemu: ["qemu-system-aarch64", "-machine", "virt,accel=tcg"],
    console: "ttyAMA0",
    facts: "ttyS0",
    factsDevice: ["-device", "pci-serial,chardev=facts"]
  }
} as const satisfies Readonly<Record<string, Machine>>

export interface Guest {
  readonly name: string
  readonly machine: keyof typeof machines
  /** The newest package whose name this matches has the kernel. */
  readonly kernel: RegExp
  readonly cpu: string
  readonly append: string
}

/** Page tables of 4 and 5 levels, kernels at their usual place and at a random one, tables of programs apart and not. */
export const guests: ReadonlyArray<Guest> = [
  {
    name: "6.1",
    machine: "x86-64",
    kernel: /^linux-image-6\.1\.\d+-\d+-amd64$/,
    cpu: "max,la57=off",
    append: "pti=off"
  },
  {
    name: "6.1-pti",
    machine: "x86-64",
    kernel: /^linux-image-6\.1\.\d+-\d+-amd64$/,
    cpu: "max,la57=off",
    append: "nokaslr pti=on"
  },
  {
    name: "6.1-cloud",
    machine: "x86-64",
    kernel: /^linux-image-6\.1\.\d+-\d+-cloud-amd64$/,
    cpu: "max,la57=off",
    append: "pti=off"
  },
  {
    name: "6.12-la57",
    machine: "x86-64",
    kernel: /^linux-image-6\.12\.\d+\+deb\d+-amd64$/,
    cpu: "max,la57=on",
    append: "pti=off"
  },
  {
    name: "6.1-arm64",
    machine: "aarch64",
    kernel: /^linux-image-6\.1\.\d+-\d+-arm64$/,
    cpu: "cortex-a57",
    append: ""
  },
  // Pages of 16 KiB.
  {
    name: "6.12-arm64-16k",
    machine: "aarch64",
    kernel: /^linux-image-6\.12\.\d+\+deb\d+-arm64-16k-unsigned$/,
    cpu: "max,pauth-impdef=on",
    append: ""
  },
  {
    name: "6.1-i386",
    machine: "i386",
    kernel: /^linux-image-6\.1\.\d+-\d+-686-pae$/,
    cpu: "max",
    append: ""
  },
  // Page tables of two levels.
  {
    name: "6.1-i386-small",
    machine: "i386",
    kernel: /^linux-image-6\.1\.\d+-\d+-686$/,
    cpu: "max",
    append: ""
  }
]
