/**
 * A labelled set for memory search, written for it: 60 notes in six kinds of text, each with questions that it answers.
 * Most questions share words with their note, some typed without accents or inflected otherwise; some ask in other
 * words and are marked. Ranking is worked on with one half of the questions and judged by the other, which nobody tunes for.
 */
import { code } from './code.ts'
import { en } from './en.ts'
import { ja } from './ja.ts'
import { ko } from './ko.ts'
import type { Labelled } from './types.ts'
import { vi } from './vi.ts'
import { zh } from './zh.ts'

export const kinds: Readonly<Record<string, readonly Labelled[]>> = { en, vi, zh, ja, ko, code }

export interface LabelledQuestion {
  kind: string
  question: string
  /** The path of the only right answer. */
  answer: string
  isInOtherWords: boolean
  isHeldOut: boolean
}

export const labelledDocuments: readonly Labelled[] = Object.values(kinds).flat()

export const pathOf = ({ path }: Labelled): string => `memory/${path}.md`

const ofDocument = (kind: string, document: Labelled, at: number): LabelledQuestion[] =>
  [...document.questions, ...document.inOtherWords].map((question, index) => ({
    kind,
    question,
    answer: pathOf(document),
    isInOtherWords: index >= document.questions.length,
    isHeldOut: (at + index) % 2 === 1,
  }))

export const labelledQuestions: readonly LabelledQuestion[] = Object.entries(kinds).flatMap(([kind, documents]) =>
  documents.flatMap((document, at) => ofDocument(kind, document, at)),
)
