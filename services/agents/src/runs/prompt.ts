/** The system prompt of a run, which opens each of its model calls. */
import { sections, type PromptFacts, type PromptMode } from './prompt-sections.ts'

/** Conversations that nobody takes part in, by their channel and by what their session is called after the agent. */
const aside = /^(?:subagent|cron|heartbeat)$/
const asideKey = /^agent:[^:]*:(?:subagent:|cron:|heartbeat(?::|$))/

/** How much of a prompt a run gets: those of subagents and schedules the minimal one. */
export const promptModeOf = ({
  channel,
  sessionKey = '',
}: {
  channel: string
  sessionKey?: string | undefined
}): PromptMode => (aside.test(channel) || asideKey.test(sessionKey) ? 'minimal' : 'full')

export const systemPrompt = (facts: PromptFacts, mode: PromptMode): string =>
  sections
    .filter(({ isMinimal }) => mode === 'full' || isMinimal)
    .flatMap(({ text }) => text(facts) ?? [])
    .join('\n\n')
