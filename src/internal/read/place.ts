// Where bytes are read: at an address and a length, or in a range. One front for both.
import type { Address, AddressRange } from "../../AddressRange.ts"
import { isDataFirst } from "../map/machine.ts"
import type { MemoryMapImpl } from "../map/map.ts"
import type { Mapped } from "../../MemoryMap.ts"

interface At<A> {
  (range: AddressRange, fill?: number): (self: Mapped) => A
  (address: Address, length: number, fill?: number): (self: Mapped) => A
  (self: Mapped, range: AddressRange, fill?: number): A
  (self: Mapped, address: Address, length: number, fill?: number): A
}

type Args = [place: Address | AddressRange, second?: number, third?: number]

/** `read` in all its forms: the map first or last, the place as an address and a length or as a range. */
export const readAt = <A>(read: (map: MemoryMapImpl, address: Address, length: number, fill?: number) => A): At<A> => {
  const at = (map: MemoryMapImpl, [place, second, third]: Args): A =>
    typeof place === "bigint"
      ? read(map, place, second!, third)
      : read(map, place.start, Number(place.end - place.start), second)
  function front(...args: [MemoryMapImpl, ...Args]): A
  function front(...args: Args): (map: MemoryMapImpl) => A
  function front() {
    const args = arguments
    return isDataFirst(args)
      ? at(args[0], [args[1], args[2], args[3]])
      : (map: MemoryMapImpl) => at(map, [args[0], args[1], args[2]])
  }
  return front as At<A>
}
