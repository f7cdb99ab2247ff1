/** The words of the browser. */
import type { RequestShape, ResponseShape } from '@clawmesh/chassis'
import type { ws } from '@clawmesh/contracts'
import type { CDPSession, Page } from 'puppeteer-core'

type Methods = typeof ws.browser.methods

/** What is to be done on a page. */
export type ActRequest = RequestShape<Methods['browser.act']['params']>['request']
export type SnapshotOptions = Pick<
  RequestShape<Methods['browser.snapshot']['params']>,
  'maxChars' | 'interactive' | 'compact' | 'depth'
>
export type Snapshot = ResponseShape<Methods['browser.snapshot']['result']>

/** Whose pages they are: nobody else's cookies and pages are ever seen. */
export interface PageOwner {
  tenantId: string
  /** Empty for pages that the user has opened without an agent. */
  agentId: string
  userId: string
}

export interface OpenPage {
  id: string
  owner: PageOwner
  page: Page
  session: CDPSession
  /** What the last snapshot called elements, as the browser knows them; gone with the document. */
  refs: Map<string, number>
  /** What its scripts said, the newest last. */
  said: string[]
  openedAt: number
  usedAt: number
  /** Why an address was refused since this was asked last. */
  takeRefusal: () => string | undefined
}
