/** Searches of the web, whoever answers them. */
import type { GuardedFetchOptions } from '@clawmesh/chassis/fetch'

export interface WebQuery {
  query: string
  count: number
  /** Two letters. */
  country?: string | undefined
  searchLang?: string | undefined
  uiLang?: string | undefined
  /** pd, pw, pm, py, or two days with `to` between them. */
  freshness?: string | undefined
}

export interface WebResult {
  title: string
  url: string
  snippet: string
  /** How old the page is, as the engine words it; empty where it does not say. */
  age: string
}

/** Why an engine gave no results, in words for the model. */
export class SearchFailure extends Error {}

export type Outward = Pick<GuardedFetchOptions, 'allow' | 'resolve' | 'signal'>

export interface SearchEngine {
  name: string
  /** @throws SearchFailure */
  search: (query: WebQuery, out: Outward) => Promise<WebResult[]>
}

export const searchTimeoutMs = 30_000
/** Of an answer of an engine. */
export const mostBytes = 1_048_576
