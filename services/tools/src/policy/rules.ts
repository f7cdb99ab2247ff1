/** The rules of a policy as installation and agents write them. */
import { z } from 'zod'

const text = z.string().optional()
const names = z.array(z.string()).optional()
const ruleFields = { profile: text, allow: names, deny: names, alsoAllow: names }

/** The policy of the installation. A slip in it is an error: a list that is not read would let tools through. */
export const installationRulesSchema = z.strictObject({
  ...ruleFields,
  byProvider: z.record(z.string(), z.strictObject(ruleFields)).optional(),
  /** What the model puts before tool names: literal text, or a template holding {tool_name}. */
  toolCallPrefix: text,
})

const readableText = text.catch(undefined)
const readableNames = names.catch(undefined)
const readableFields = {
  profile: readableText,
  allow: readableNames,
  deny: readableNames,
  alsoAllow: readableNames,
}

/** `tools_config` of an agent. Anything unreadable counts as absent, as old rows hold all kinds of things. */
export const toolRulesSchema = z.object({
  ...readableFields,
  byProvider: z.record(z.string(), z.object(readableFields)).optional().catch(undefined),
  toolCallPrefix: readableText,
})
export type ToolRules = z.output<typeof toolRulesSchema>
