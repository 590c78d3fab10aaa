// What is wrong with a command line, in words, and what to try.
import type * as CliError from "effect/cli/CliError"
import { Refused } from "./errors.ts"

const literals = (expected: string): string => expected.replaceAll('"', "").split(" | ").join(", ")

const messageOf = (error: CliError.NonShowHelpErrors): string => {
  switch (error._tag) {
    case "UnknownSubcommand":
      return `there is no command "${error.subcommand}"`
    case "UnrecognizedOption":
      return `there is no flag ${error.option}`
    case "MissingArgument":
      return `${error.argument} is missing`
    case "MissingOption":
      return `--${error.option} is missing`
    case "UnexpectedArgument":
      return `too many arguments, ${error.arguments.map((text) => JSON.stringify(text)).join(" ")} left over`
    case "InvalidValue": {
      const name = error.kind === "flag" ? `--${error.option}` : error.option
      if (error.kind === "flag" && error.value === "") return `${name} wants a value: ${literals(error.expected)}`
      return error.expected.includes(" | ")
        ? `${name}: "${error.value}" is none of ${literals(error.expected)}`
        : `${name}: "${error.value}" is not right: ${error.expected}`
    }
    case "ValidationError":
    case "DuplicateOption":
    case "UserError":
      return error.message.replace(/\s*\n\s*/g, " ")
  }
}

/** Effect suggests what was meant; else the help of the command. */
export const usage = (error: CliError.NonShowHelpErrors, path: ReadonlyArray<string>): Refused => {
  const command = path.join(" ")
  const [meant] = "suggestions" in error ? error.suggestions : []
  const hint =
    meant === undefined ? `${command} --help` : error._tag === "UnknownSubcommand" ? `${command} ${meant}` : meant
  return new Refused({ message: messageOf(error), details: [["try", hint]] })
}

/** What the words of a command line ask for, also when the whole of it cannot be understood. */
export const asked = (words: ReadonlyArray<string>) => {
  const end = words.indexOf("--")
  const flags = end === -1 ? words : words.slice(0, end)
  const color = flags.lastIndexOf("--color")
  return {
    json: flags.includes("--json"),
    color: color === -1 ? flags.find((word) => word.startsWith("--color="))?.slice(8) : flags[color + 1]
  }
}
