// How far a fleet is, in a line.
import type * as Fleet from "../../../fleet/Fleet.ts"
import { sizeText } from "../../../internal/base/numbers.ts"

/** How far, how fast, how long still. */
export const progressText = ({ lastMinute, questions, workers }: Fleet.Status): string => {
  let [steps, done] = [0, 0]
  for (const question of questions) {
    steps += question.steps
    done += question.answered + question.failed + question.setAside
  }
  const { bytes, seconds } = lastMinute
  const rate = seconds === 0 ? "" : `, ${sizeText(BigInt(Math.round(bytes / seconds)))}/s`
  const left = seconds > 0 && lastMinute.steps > 0 ? ((steps - done) * seconds) / lastMinute.steps : 0
  const wait = left > 1 ? `, ${Math.ceil(left)} s left` : ""
  return `${done} of ${steps} steps, ${workers.length} at work${rate}${wait}`
}
