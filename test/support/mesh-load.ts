/** Constant load of chat turns over kept connections, whole and streamed, with an exact account of every request. */
import { Agent, request, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FakeUpstream, Script } from '../fakes/http-fake.ts'
import { lastUserText } from '../fakes/http-fake.ts'

export interface LoadOptions {
  /** Each worker asks one edge, one request after the other, over one connection while it lasts. */
  edges: readonly string[]
  workersPerEdge: number
  headers: Readonly<Record<string, string>>
  upstream: FakeUpstream
  /** How upstream answers request number `n`. */
  script: (n: number) => Script
}

export interface LoadReport {
  /** Whole answers with the right text, and streams that ended with [DONE] after the right text. */
  answered: number
  /** Those of them that were sent after `mark`. */
  answeredAfterMark: number
  /** Streams that said that they failed. */
  endedWithError: number
  /** Connections that were refused. */
  refused: number
  /** Requests that met a closing connection and were never begun. */
  unaccepted: number
  /** Everything else, which must not be: what happened to which request. */
  failed: string[]
}

export interface Load {
  /** From now on answers count as later ones, too. */
  mark: () => void
  /** How many requests upstream is working on for us. */
  report: () => LoadReport
  /** Lets every worker finish its request and returns the account. */
  stop: () => Promise<LoadReport>
}

const pauseAfterRefusalMs = 20

interface Exchange {
  status: number
  text: string
  /** Whether the answer ended as HTTP says it must. */
  complete: boolean
}

const send = (agent: Agent, edge: string, headers: Readonly<Record<string, string>>, body: object): Promise<Exchange> =>
  new Promise((resolve, reject) => {
    const outgoing = request(
      `${edge}/v1/chat/completions`,
      { method: 'POST', agent, headers: { ...headers, 'content-type': 'application/json' } },
      (response: IncomingMessage) => {
        let text = ''
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
        const done = () => resolve({ status: response.statusCode ?? 0, text, complete: response.complete })
        response.once('end', done)
        response.once('error', done)
      },
    )
    outgoing.once('error', reject)
    outgoing.end(JSON.stringify(body))
  })

const frames = (text: string): string[] =>
  text.split('\n\n').flatMap((frame) => (frame.startsWith('data: ') ? [frame.slice('data: '.length)] : []))

const streamedText = (text: string): string =>
  frames(text)
    .filter((frame) => frame !== '[DONE]')
    .map((frame) => {
      const { choices } = JSON.parse(frame) as { choices?: { delta: { content?: string } }[] }
      return choices?.[0]?.delta.content ?? ''
    })
    .join('')

const wholeText = (text: string): string =>
  (JSON.parse(text) as { choices?: { message: { content: string } }[] }).choices?.[0]?.message.content ?? ''

/** Starts asking; every other request is streamed. */
export const startLoad = ({ edges, workersPerEdge, headers, upstream, script }: LoadOptions): Load => {
  const report: LoadReport = {
    answered: 0,
    answeredAfterMark: 0,
    endedWithError: 0,
    refused: 0,
    unaccepted: 0,
    failed: [],
  }
  const begun = new Set<number>()
  upstream.rule = ({ body }) => {
    const n = Number(/^load (\d+)$/.exec(lastUserText(body))?.[1])
    if (Number.isNaN(n)) return undefined
    begun.add(n)
    return { ...script(n), text: `answer ${n}` }
  }
  let marked = false
  let stopped = false
  let next = 0

  const judge = (n: number, { status, text, complete }: Exchange, streams: boolean, late: boolean): void => {
    const said = `request ${n} (${streams ? 'stream' : 'whole'}, ${late ? 'after' : 'before'} the signal)`
    if (!complete) return void report.failed.push(`${said} was cut after ${JSON.stringify(text.slice(-200))}`)
    if (status !== 200) return void report.failed.push(`${said} got ${status} ${text.slice(0, 300)}`)
    const last = frames(text).at(-1)
    if (streams && last?.startsWith('{"error"') === true) return void report.endedWithError++
    const ended = !streams || last === '[DONE]'
    const got = streams ? streamedText(text) : wholeText(text)
    if (!ended || got !== `answer ${n}`)
      return void report.failed.push(`${said} is not whole: ${JSON.stringify(text.slice(-300))}`)
    report.answered++
    if (late) report.answeredAfterMark++
  }

  const fault = (n: number, error: NodeJS.ErrnoException): void => {
    if (error.code === 'ECONNREFUSED') report.refused++
    else if (!begun.has(n)) report.unaccepted++
    else report.failed.push(`request ${n} was begun, and then its connection broke: ${error.message}`)
  }

  const work = async (edge: string): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (!stopped) {
      const n = next++
      const streams = n % 2 === 1
      const late = marked
      try {
        const messages = [{ role: 'user', content: `load ${n}` }]
        judge(
          n,
          await send(agent, edge, headers, { model: 'goclaw:default', stream: streams, messages }),
          streams,
          late,
        )
      } catch (error) {
        fault(n, error as NodeJS.ErrnoException)
        await sleep(pauseAfterRefusalMs)
      }
    }
    agent.destroy()
  }
  const workers = edges.flatMap((edge) => Array.from({ length: workersPerEdge }, () => work(edge)))

  return {
    mark: () => {
      marked = true
    },
    report: () => report,
    stop: async () => {
      stopped = true
      await Promise.all(workers)
      upstream.rule = () => undefined
      return report
    },
  }
}
