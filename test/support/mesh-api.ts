/** An HTTP client of an edge: plain JSON. */

export interface ApiAnswer<B> {
  status: number
  headers: Headers
  body: B
}

export interface Api {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  request: <B = Record<string, unknown>>(method: string, path: string, body?: unknown) => Promise<ApiAnswer<B>>
  /** The body of a successful answer. @throws Error with the answer otherwise */
  need: <B = Record<string, unknown>>(method: string, path: string, body?: unknown) => Promise<B>
  /** The same edge, asked in another way. */
  as: (change: { url?: string; token?: string; userId?: string }) => Api
}

interface Who {
  url: string
  /** Empty sends none. */
  token: string
  userId?: string
}

/** A client of the edge at `url`. */
export const apiOf = ({ url, token, userId = 'alice' }: Who): Api => {
  const headers = {
    ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
    ...(userId === '' ? {} : { 'x-goclaw-user-id': userId }),
  }
  const request = async <B>(method: string, path: string, body?: unknown): Promise<ApiAnswer<B>> => {
    const response = await fetch(url + path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as B }
  }
  return {
    url,
    headers,
    request,
    need: async <B>(method: string, path: string, body?: unknown): Promise<B> => {
      const answer = await request<B>(method, path, body)
      if (answer.status >= 300)
        throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
      return answer.body
    },
    as: (change) => apiOf({ url, token, userId, ...change }),
  }
}

export interface TraceRow {
  id: string
  status: string
  session_key: string
  error?: string
  total_cost: number
  total_input_tokens: number
  total_output_tokens: number
  llm_call_count: number
  tool_call_count: number
  span_count: number
}

/** The traces that a query finds of runs that have ended, newest first: what a run has done is in its trace at its end. */
export const endedTraces = async (api: Pick<Api, 'need'>, query: string): Promise<TraceRow[]> => {
  const { traces } = await api.need<{ traces: TraceRow[] }>('GET', `/v1/traces?${query}`)
  return traces.filter(({ status }) => status !== 'running')
}

/** Those of a session. */
export const tracesOf = (api: Api, sessionKey: string): Promise<TraceRow[]> =>
  endedTraces(api, `session_key=${encodeURIComponent(sessionKey)}`)

export interface SessionMessage {
  role: string
  content: string
  tool_calls?: { id: string; name: string; arguments: Record<string, unknown> }[]
  tool_call_id?: string
  is_error?: boolean
}

export const sessionOf = (api: Api, key: string): Promise<{ messages: SessionMessage[]; inputTokens: number }> =>
  api.need('GET', `/v1/sessions/${encodeURIComponent(key)}`)
