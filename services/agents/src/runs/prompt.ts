/** The system prompt of a run, in an order that never changes, so that providers can cache its beginning. */
import { cutText, cutTextStart } from '@clawmesh/chassis'
import { contextTemplates } from '../context-files/templates.ts'
import type { ContextFile } from '../context-files/types.ts'
import type { Agent } from '../agents/types.ts'

const perFileChars = 20_000
const totalChars = 24_000
/** With less room than this a file is left out instead of cut to a stump. */
const leastChars = 64
const order = ['AGENTS.md', 'SOUL.md', 'IDENTITY.md', 'USER_PREDEFINED.md', 'USER.md', 'TOOLS.md']
const openDefaults = ['AGENTS.md', 'SOUL.md', 'IDENTITY.md'] as const

/** Keeps 70 % of the room for the beginning and 20 % for the end. */
const cut = (text: string, space: number): string => {
  if (text.length <= space) return text
  const head = Math.floor(space * 0.7)
  const tail = Math.floor(space * 0.2)
  return `${cutText(text, head)}\n[... ${text.length - head - tail} characters left out ...]\n${cutTextStart(text, tail)}`
}

const contextSection = (agent: Agent, files: readonly ContextFile[]): string => {
  const texts = new Map<string, string>(
    agent.agentType === 'open' ? openDefaults.map((name) => [name, contextTemplates[name]]) : [],
  )
  // Agent-level files come first in the list, so a user's own replaces them.
  for (const { name, content } of files) texts.set(name, content)
  let space = totalChars
  return order
    .flatMap((name) => {
      const text = texts.get(name)?.trim()
      if (!text || space < leastChars) return []
      const kept = cut(text, Math.min(perFileChars, space))
      space -= kept.length
      return [`## ${name}\n\n${kept}`]
    })
    .join('\n\n')
}

interface PromptParts {
  agent: Agent
  files: readonly ContextFile[]
  toolNames: readonly string[]
  channel: string
  /** System messages that the request itself brought. */
  requestSystem: string
}

const memoryTools = ['memory_search', 'memory_get']

/** The text that opens every model call of a run. */
export const systemPrompt = ({ agent, files, toolNames, channel, requestSystem }: PromptParts): string => {
  const ownPrompt = agent.otherConfig['system_prompt']
  return [
    `You are ${agent.displayName || agent.agentKey}, an agent that people reach through ${channel === 'http' ? 'an API' : channel}.`,
    toolNames.length === 0 ? '' : `# Tools\n\nYou may call: ${toolNames.join(', ')}. Use their exact names.`,
    memoryTools.every((name) => toolNames.includes(name))
      ? '# Memory\n\nBefore answering about earlier work, decisions, dates, people or preferences, call memory_search.'
      : '',
    `# Context\n\n${contextSection(agent, files)}`,
    typeof ownPrompt === 'string' && ownPrompt !== '' ? `# Instructions\n\n${ownPrompt}` : '',
    requestSystem === '' ? '' : `# Instructions of this request\n\n${requestSystem}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}
