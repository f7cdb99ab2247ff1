/** Every sentence of behaviour that the tables declare, by its id: `<operation or method>.<key>`. */
import { http } from './http/index.ts'
import { ws } from './ws/index.ts'

type RulesIn<Operations> = {
  [O in keyof Operations & string]: Operations[O] extends { rules: infer Rules }
    ? `${O}.${keyof Rules & string}`
    : never
}[keyof Operations & string]
type TablesOf<T> = T[keyof T]
type HttpRules<T> = T extends { operations: infer Operations } ? RulesIn<Operations> : never
type WsRules<T> = T extends { methods: infer Methods } ? RulesIn<Methods> : never

export type RuleId = HttpRules<TablesOf<typeof http>> | WsRules<TablesOf<typeof ws>>

/** The ids of an operation's or a method's rules. */
export const ruleIdsOf = (name: string, { rules = {} }: { rules?: Readonly<Record<string, string>> }): string[] =>
  Object.keys(rules).map((key) => `${name}.${key}`)

const declared = [
  ...Object.values(http).flatMap(({ operations }) => Object.entries(operations)),
  ...Object.values(ws).flatMap(({ methods }) => Object.entries(methods)),
] as readonly (readonly [string, { rules?: Readonly<Record<string, string>> }])[]

/** The sentences by id. */
export const ruleSentences: ReadonlyMap<string, string> = new Map(
  declared.flatMap(([name, { rules = {} }]) =>
    Object.entries(rules).map(([key, sentence]) => [`${name}.${key}`, sentence] as const),
  ),
)
