/** The context files that stand in a prompt, and how much of it they may take. */
import { cutText, cutTextStart } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import { contextTemplates } from '../context-files/templates.ts'
import type { ContextFile } from '../context-files/types.ts'

const perFileChars = 20_000
const totalChars = 24_000
/** With less room than this a file is left out instead of cut to a stump. */
const leastChars = 64
/** Those that make the agent who it is, and what they are to it; those named first get room first. */
const order = ['AGENTS.md', 'SOUL.md', 'IDENTITY.md', 'USER_PREDEFINED.md', 'USER.md', 'TOOLS.md', 'BOOTSTRAP.md']
const openDefaults = ['AGENTS.md', 'SOUL.md', 'IDENTITY.md'] as const

/** Keeps 70 % of the room for the beginning and 20 % for the end. */
const cut = (text: string, space: number): string => {
  if (text.length <= space) return text
  const head = Math.floor(space * 0.7)
  const tail = Math.floor(space * 0.2)
  return `${cutText(text, head)}\n[... ${text.length - head - tail} characters left out ...]\n${cutTextStart(text, tail)}`
}

/** Texts by name, as long as they may be in a prompt; those that say nothing, and those that find no room, are absent. */
export type PromptFiles = ReadonlyMap<string, string>

/** @param files at agent level, a user's own after them: these replace those */
export const promptFiles = ({ agentType }: Pick<Agent, 'agentType'>, files: readonly ContextFile[]): PromptFiles => {
  const texts = new Map<string, string>(
    agentType === 'open' ? openDefaults.map((name) => [name, contextTemplates[name]]) : [],
  )
  for (const { name, content } of files) texts.set(name, content)
  let space = totalChars
  return new Map(
    order.flatMap((name): [string, string][] => {
      const text = texts.get(name)?.trim()
      if (!text || space < leastChars) return []
      const kept = cut(text, Math.min(perFileChars, space))
      space -= kept.length
      return [[name, kept]]
    }),
  )
}
