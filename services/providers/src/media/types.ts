/** Media that vendors make. */
import type { Target } from '../providers/connection.ts'
import type { Json } from '../chat/protocols/json.ts'

/** What is to be made; what is empty or 0 is left to the vendor. */
export interface MakeRequest {
  model: string
  prompt: string
  /** Such as 16:9. */
  aspectRatio: string
  /** Seconds. */
  durationS: number
  lyrics: string
  isInstrumental: boolean
  /** Further fields of the vendor's own. */
  params: Json
}

export interface VendorRequest {
  method: 'GET' | 'POST'
  url: URL
  headers: Record<string, string>
  body?: Json
}

/** What a vendor's protocol works with: it does no I/O of its own. */
export interface VendorClient {
  target: Target
  /** Asks for a JSON object, with the retries of any call. @throws MeshError */
  ask: (question: VendorRequest) => Promise<Json>
  /**
   * Asks again and again, at times that suit jobs of minutes, until `read` finds what came of it.
   * @throws what `read` throws; AGENT_TIMEOUT when the call has no time left
   */
  poll: <T>(question: VendorRequest, read: (answer: Json) => T | undefined) => Promise<T>
  /**
   * Fetches what a vendor has made, from wherever it says; its key goes along only to where the vendor itself is.
   * @throws MeshError
   */
  download: (url: string, headers?: Record<string, string>) => Promise<Buffer>
}

/** Makes what is wished, in the words of one vendor. @throws UpstreamFailure for what it cannot, or an answer that is none */
export type Maker = (client: VendorClient, request: MakeRequest) => Promise<Buffer>
