import type { Agent } from '../agents/types.ts'
import type { SummonedFile } from './answer.ts'

/** A summoning that is under way. */
export interface Summoning {
  id: string
  agent: Agent
  /** What is to become different; null where the files are written from the description. */
  prompt: string | null
  /** Whoever asked for it; empty where nobody was named. */
  userId: string
  /** The files at agent level that a model writes, as they are. */
  files: Partial<Record<SummonedFile, string>>
}

/** What a summoning leaves behind. */
export interface Summoned {
  files: Partial<Record<SummonedFile, string>>
  frontmatter?: string
  displayName?: string
}
