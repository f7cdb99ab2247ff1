/** How well a search finds what the labelled set says it should. */
import { labelledQuestions, type LabelledQuestion } from './set/index.ts'

export interface Asked extends LabelledQuestion {
  /** 1 is first; 0 where it is not among the first five. */
  rank: number
}

export interface Quality {
  /** The share of questions whose answer is among the first five results. */
  recallAt5: number
  /** The mean of 1 / rank, 0 for what is not among the first five. */
  mrr: number
}

const shown = 5

/** Asks questions; `search` gives the paths of its results, best first. */
export const askAll = async (
  search: (question: string) => Promise<readonly string[]>,
  questions: readonly LabelledQuestion[] = labelledQuestions,
): Promise<Asked[]> => {
  const asked: Asked[] = []
  for (const labelled of questions) {
    const paths = await search(labelled.question)
    asked.push({ ...labelled, rank: paths.slice(0, shown).indexOf(labelled.answer) + 1 })
  }
  return asked
}

export const qualityOf = (asked: readonly Asked[]): Quality => ({
  recallAt5: asked.filter(({ rank }) => rank > 0).length / asked.length,
  mrr: asked.reduce((sum, { rank }) => sum + (rank > 0 ? 1 / rank : 0), 0) / asked.length,
})
