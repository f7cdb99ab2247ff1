/** Joins what full text and vectors found into one ranking. */
import type { Hit, SearchResult } from './types.ts'

export interface MergeRules {
  textWeight: number
  vectorWeight: number
  /** Results below it are dropped; 0 drops none. */
  minScore: number
  maxResults: number
}

/** What a personal hit counts more than one of the agent's own documents. */
const personalBoost = 1.2

/**
 * Score of a result = sum over its hits of raw score * weight of the side * 1.2 if personal. Hits belong together when
 * path, first line and part are equal; a personal one then gives snippet and scope. With one side empty the other weighs
 * 1. Raw scores are not normalised.
 */
export const mergeHits = (text: readonly Hit[], vector: readonly Hit[], rules: MergeRules): SearchResult[] => {
  const merged = new Map<string, SearchResult>()
  const add = (hits: readonly Hit[], weight: number) => {
    for (const hit of hits) {
      const key = `${hit.startLine} ${hit.part} ${hit.path}`
      const scope = hit.userId === '' ? 'global' : 'personal'
      const known = merged.get(key)
      const score = (known?.score ?? 0) + hit.score * weight * (scope === 'personal' ? personalBoost : 1)
      const { path, startLine, endLine } = hit
      merged.set(
        key,
        known === undefined || scope === 'personal'
          ? { path, startLine, endLine, snippet: hit.text, scope, score }
          : { ...known, score },
      )
    }
  }
  add(text, vector.length === 0 ? 1 : rules.textWeight)
  add(vector, text.length === 0 ? 1 : rules.vectorWeight)
  return [...merged.values()]
    .filter(({ score }) => rules.minScore <= 0 || score >= rules.minScore)
    .sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : a.path > b.path ? 1 : a.startLine - b.startLine))
    .slice(0, rules.maxResults)
}
