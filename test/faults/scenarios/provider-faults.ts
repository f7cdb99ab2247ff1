/**
 * Sixteen ways in which a provider fails, and what a client of the edge gets: each over both protocols, streamed and not.
 * The primary fails, a fallback is there; every case has a model of its own, so that none cools down for another.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fakeAnthropic } from '../../fakes/anthropic.ts'
import type { FakeUpstream, Received, Script } from '../../fakes/http-fake.ts'
import { fakeOpenAi } from '../../fakes/openai.ts'
import { startAllInOne, type AllInOne, type TestTenant } from '../../support/all-in-one.ts'

/** Sixty words: what both models answer, so that a doubled or lost one shows. */
export const answer = Array.from({ length: 60 }, (_, at) => `word${at}`).join(' ')

/** The limits that providers are held to, ms. */
export interface FaultLimits {
  silenceMs: number
  /** A whole answer that is not streamed. */
  wholeMs: number
  /** How long the provider that flaps is down. */
  downMs: number
}

export type Wire = 'openai' | 'anthropic'

export interface Mode {
  wire: Wire
  stream: boolean
}

interface Turn {
  status: number
  text: string
  /** The stream ended with an error, or the answer is one. */
  failed: boolean
}

interface Case extends Mode {
  model: string
  turn: (more?: object) => Promise<Turn>
  primary: FakeUpstream
  backup: FakeUpstream
  /** Scripts of the primary for this case: the first ones in turn, the last one for good. */
  primaryFails: (...scripts: Script[]) => void
  backupFails: (script: (request: Received) => Script) => void
  /** Calls of this case. */
  asked: () => { primary: number; backup: number }
  limits: FaultLimits
  /** The call spans of this case's turns, newest turn first. */
  spans: () => Promise<CallSpan[]>
}

interface CallSpan {
  provider: string
  model: string
  input_tokens: number
  output_tokens: number
  metadata: { route?: { attempts: { provider: string; outcome: string }[]; continued_after?: number[] } }
}

/** What is wrong with what the client got; nothing if all is well. */
type Check = (fault: Case) => Promise<string[]>

const wrong = (what: string, isWrong: boolean): string[] => (isWrong ? [what] : [])
const whole = ({ text, failed }: Turn): string[] =>
  wrong(`got ${failed ? 'an error' : JSON.stringify(text.slice(0, 200))}`, failed || text !== answer)
const counts = ({ asked }: Case, primary: number, backup: number): string[] => {
  const seen = asked()
  return wrong(
    `asked ${seen.primary} + ${seen.backup}, not ${primary} + ${backup}`,
    seen.primary !== primary || seen.backup !== backup,
  )
}

/** The primary fails like this for good: the fallback answers, after so many tries of the primary. */
const handedOver =
  (script: Script, tries: number): Check =>
  async (fault) => {
    fault.primaryFails(script)
    return [...whole(await fault.turn()), ...counts(fault, tries, 1)]
  }

/** As long as the answer is streamed it has begun: it is gone on with, and fails where that is not wanted. */
const brokenOff =
  (script: Script, whenWhole: Check): Check =>
  async (fault) => {
    if (!fault.stream) return whenWhole(fault)
    fault.primaryFails(script)
    const turn = await fault.turn()
    const plain = await fault.turn({ disable_fallbacks: true })
    return [
      ...whole(turn),
      ...wrong('a broken answer passed for a whole one', !plain.failed),
      ...wrong('something was said twice', !answer.startsWith(plain.text)),
      ...counts(fault, 2, 1),
    ]
  }

const refusedOnce =
  (error: Script['error']): Check =>
  async (fault) => {
    fault.primaryFails({ status: 400, error: error! })
    const { status, failed } = await fault.turn()
    return [...wrong(`answered ${status}`, !failed || status !== 400), ...counts(fault, 1, 0)]
  }

const lastRole = ({ body }: Received): unknown => (body['messages'] as { role: string }[]).at(-1)!.role

const until = async (limitMs: number, look: () => Promise<boolean>): Promise<boolean> => {
  const deadline = Date.now() + limitMs
  while (Date.now() < deadline) {
    if (await look()) return true
    await sleep(250)
  }
  return false
}

const cutAt40: Script = { chunks: 60, fault: 'cut_late' }

export const providerFaults: Readonly<Record<string, Check>> = {
  '429 with Retry-After': async (fault) => {
    fault.primaryFails({ status: 429, headers: { 'retry-after': '60' } })
    const [first, second] = [await fault.turn(), await fault.turn()]
    return [...whole(first), ...whole(second), ...counts(fault, 1, 2)]
  },
  '429 without Retry-After': handedOver({ status: 429 }, 1),
  '500 once': async (fault) => {
    fault.primaryFails({ status: 500 }, {})
    return [...whole(await fault.turn()), ...counts(fault, 2, 0)]
  },
  '503 for good': async (fault) => {
    const handed = await handedOver({ status: 503 }, 2)(fault)
    const { status } = await fault.turn({ disable_fallbacks: true })
    // Three tries more, or the one of a primary that has rested meanwhile, as on a slow machine.
    const again = fault.asked().primary === 3 ? 1 : 3
    return [...handed, ...wrong(`answered ${status} without fallbacks`, status !== 503), ...counts(fault, 2 + again, 1)]
  },
  'reset before headers': handedOver({ fault: 'reset' }, 2),
  silence: handedOver({ fault: 'silence' }, 1),
  'slow first token': async (fault) => {
    const slowMs = (fault.stream ? fault.limits.silenceMs : fault.limits.wholeMs) * 4
    return handedOver(fault.stream ? { firstDelayMs: slowMs } : { headerDelayMs: slowMs }, 1)(fault)
  },
  'cut at token 40 of 60': brokenOff(cutAt40, handedOver({ fault: 'cut' }, 2)),
  'stall in the middle': brokenOff({ chunks: 60, fault: 'stall' }, handedOver({ fault: 'stall' }, 1)),
  'malformed event': brokenOff({ chunks: 60, fault: 'malformed' }, handedOver({ fault: 'malformed' }, 1)),
  'missing end of stream': brokenOff({ chunks: 60, fault: 'unfinished' }, async (fault) =>
    handedOver({ fault: 'short_body' }, 2)(fault),
  ),
  'context too long': refusedOnce({ message: 'prompt is too long: maximum context length is 8192 tokens' }),
  'content filter': refusedOnce({ message: 'blocked by content_filter', type: 'invalid_request_error' }),
  'fallback that refuses prefill': async (fault) => {
    const refusal = { message: 'This model does not support assistant message prefill.' }
    fault.primaryFails(fault.stream ? cutAt40 : { status: 503 })
    fault.backupFails((request) => (lastRole(request) === 'assistant' ? { status: 400, error: refusal } : {}))
    return [...whole(await fault.turn()), ...counts(fault, fault.stream ? 1 : 2, 1)]
  },
  'flapping provider': async (fault) => {
    fault.primaryFails({ status: 503 })
    const end = Date.now() + fault.limits.downMs
    const while_: string[] = []
    do while_.push(...whole(await fault.turn()))
    while (Date.now() < end && (await sleep(500, true)))
    fault.primaryFails({})
    const isBack = await until(30_000, async () => {
      const before = fault.asked().backup
      return whole(await fault.turn()).length === 0 && fault.asked().backup === before
    })
    return [...while_, ...wrong('the primary was not asked again within 30 s', !isBack)]
  },
  'accounting of the fallback': async (fault) => {
    const { wire } = fault
    const usage = wire === 'openai' ? { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } : undefined
    fault.primaryFails({ status: 503 })
    fault.backupFails(() => ({ usage: usage ?? { input_tokens: 11, output_tokens: 7 } }))
    await fault.turn()
    const [span, ...more] = await fault.spans()
    const bill = [span?.provider, span?.model, span?.input_tokens, span?.output_tokens, more.length]
    const expected = [`${wire}-backup`, `${fault.model}-backup`, 11, 7, 0]
    const outcomes = span?.metadata.route?.attempts.map(({ outcome }) => outcome)
    return [
      ...wrong(`billed ${JSON.stringify(bill)}`, JSON.stringify(bill) !== JSON.stringify(expected)),
      ...wrong(`went by ${String(outcomes)}`, String(outcomes) !== 'failed,served'),
    ]
  },
}

/** The text of a stream of either protocol, and whether it ended well. */
const readStream = (text: string): Pick<Turn, 'text' | 'failed'> => {
  const events = text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)) as StreamEvent)
  return {
    text: events.map(({ choices, delta }) => choices?.[0]?.delta?.content ?? delta?.text ?? '').join(''),
    failed:
      events.some(({ error }) => error !== undefined) || !(text.includes('[DONE]') || text.includes('message_stop')),
  }
}
interface StreamEvent {
  error?: unknown
  choices?: { delta?: { content?: string } }[]
  delta?: { text?: string }
}

const readWhole = (body: Record<string, unknown>): string => {
  const choices = body['choices'] as { message: { content: string } }[] | undefined
  const blocks = body['content'] as { text?: string }[] | undefined
  return choices?.[0]?.message.content ?? blocks?.[0]?.text ?? ''
}

const paths: Record<Wire, string> = { openai: '/v1/chat/completions', anthropic: '/v1/messages' }

interface Upstreams {
  primary: FakeUpstream
  backup: FakeUpstream
  scripts: Map<string, Script[]>
  backupScripts: Map<string, (request: Received) => Script>
}

const modelOf = ({ body }: Received): string => String(body['model'])

const startUpstreams = async (wire: Wire): Promise<Upstreams> => {
  const start = wire === 'openai' ? fakeOpenAi : fakeAnthropic
  const [primary, backup] = await Promise.all([start({ text: answer }), start({ text: answer })])
  const scripts: Upstreams['scripts'] = new Map()
  const backupScripts: Upstreams['backupScripts'] = new Map()
  primary.rule = (request) => {
    const queue = scripts.get(modelOf(request)) ?? []
    return queue.length > 1 ? queue.shift() : queue[0]
  }
  backup.rule = (request) => backupScripts.get(modelOf(request))?.(request)
  return { primary, backup, scripts, backupScripts }
}

const requireOk = ({ status, text }: { status: number; text: string }): void => {
  if (status >= 300) throw new Error(`answered ${status}: ${text}`)
}

interface FaultWorld {
  /** Runs one fault in one mode; gives what went wrong. */
  run: (name: string, mode: Mode) => Promise<string[]>
  stop: () => Promise<void>
}

const spansOf = async (mesh: AllInOne, tenant: TestTenant, model: string): Promise<CallSpan[]> => {
  const headers = tenant.as('admin')
  for (let pauseMs = 20; pauseMs < 20_000; pauseMs *= 2) {
    const { body } = await mesh.request<{ traces?: { id: string; status: string }[] }>('GET', '/v1/traces?limit=200', {
      headers,
    })
    for (const { id, status } of body.traces ?? []) {
      if (status === 'running') continue
      const trace = await mesh.request<{ spans: (CallSpan & { span_type: string })[] }>('GET', `/v1/traces/${id}`, {
        headers,
      })
      const calls = trace.body.spans.filter((span) => span.span_type === 'llm_call')
      if (calls.some((span) => span.model.startsWith(model))) return calls
    }
    await sleep(pauseMs)
  }
  return []
}

export const startFaultWorld = async (limits: FaultLimits): Promise<FaultWorld> => {
  const silence = String(limits.silenceMs)
  const mesh = await startAllInOne({
    CLAWMESH_PROVIDER_FIRST_TOKEN_TIMEOUT_MS: silence,
    CLAWMESH_PROVIDER_IDLE_TIMEOUT_MS: silence,
    CLAWMESH_PROVIDER_ANSWER_TIMEOUT_MS: String(limits.wholeMs),
  })
  const tenant = await mesh.makeTenant('faults')
  const admin = { headers: tenant.as('admin') }
  const upstreams = { openai: await startUpstreams('openai'), anthropic: await startUpstreams('anthropic') }
  for (const wire of ['openai', 'anthropic'] as const)
    for (const role of ['primary', 'backup'] as const) {
      const type = wire === 'openai' ? 'openai_compat' : 'anthropic_native'
      const body = {
        name: `${wire}-${role}`,
        provider_type: type,
        api_key: 'sk-x',
        api_base: upstreams[wire][role].base,
      }
      requireOk(await mesh.request('POST', '/v1/providers', { ...admin, body }))
    }
  let cases = 0

  const makeCase = async ({ wire, stream }: Mode): Promise<Case> => {
    const model = `case-${++cases}`
    const { primary, backup, scripts, backupScripts } = upstreams[wire]
    const body = {
      agent_key: model,
      provider: `${wire}-primary`,
      model,
      other_config: {
        fallbacks: [{ provider: `${wire}-backup`, model: `${model}-backup` }],
        continue_answers: true,
      },
    }
    requireOk(await mesh.request('POST', '/v1/agents', { ...admin, body }))
    const countOf = (fake: FakeUpstream, name: string) =>
      fake.requests.filter((request) => modelOf(request) === name).length
    return {
      wire,
      stream,
      model,
      primary,
      backup,
      limits,
      primaryFails: (...script) => void scripts.set(model, script),
      backupFails: (script) => void backupScripts.set(`${model}-backup`, script),
      asked: () => ({ primary: countOf(primary, model), backup: countOf(backup, `${model}-backup`) }),
      spans: () => spansOf(mesh, tenant, model),
      turn: async (more = {}) => {
        const asked = { model: `goclaw:${model}`, messages: [{ role: 'user', content: 'go' }], max_tokens: 500 }
        const answered = await mesh.request('POST', paths[wire], { ...admin, body: { ...asked, stream, ...more } })
        const { status, text } = answered
        if (status !== 200) return { status, text: '', failed: true }
        return stream ? { status, ...readStream(text) } : { status, text: readWhole(answered.body), failed: false }
      },
    }
  }

  return {
    run: async (name, mode) => providerFaults[name]!(await makeCase(mode)),
    stop: async () => {
      await mesh.stop()
      const fakes = Object.values(upstreams).flatMap(({ primary, backup }) => [primary, backup])
      await Promise.all(fakes.map((fake) => fake.close()))
    },
  }
}
