/** One list of addresses that lead inside, over every way out that tools have; the browser's is in browser-chromium.test.ts. */
import { closeGuardedFetch } from '@clawmesh/chassis/fetch'
import { loadConfigs } from '@clawmesh/chassis'
import { privateHosts, refusedAddresses } from '../../../test/support/refused-addresses.ts'
import { toolsConfig } from '../src/config.ts'
import { createMcpFetch } from '../src/mcp/client/guarded-fetch.ts'
import type { SpeechVendor } from '../src/tts/types.ts'
import { vendorsOf } from '../src/tts/vendors/table.ts'
import { createBrave } from '../src/web/search/brave.ts'
import { createDuckDuckGo } from '../src/web/search/duckduckgo.ts'
import { contextWith, pageThreads } from './context.ts'
import { toolRefusal } from './run-tool.ts'

afterAll(async () => {
  await pageThreads.close()
  await closeGuardedFetch()
})

const addresses = [...privateHosts.map((host) => `http://${host}:1/`), ...refusedAddresses]
const refusal = /not allowed/
const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'reached',
    (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
  )

it.each(addresses)('web_fetch does not reach %j', async (url) => {
  expect(await toolRefusal('web_fetch', { url: url || ' ' }, contextWith())).toMatch(refusal)
})

it.each(addresses)('MCP servers are not at %j', async (url) => {
  const { fetch, close } = createMcpFetch([], 1_000)
  expect(await messageOf(fetch(url))).toMatch(refusal)
  await close()
})

it.each(privateHosts)('nothing is searched at %s', async (host) => {
  const query = { query: 'x', count: 1 }
  for (const { name, search } of [createBrave(`http://${host}:1/`, 'k'), createDuckDuckGo(`http://${host}:1/`)]) {
    const asked = search(query, { allow: [], signal: new AbortController().signal })
    expect([name, await messageOf(asked)]).toEqual([name, expect.stringMatching(refusal)])
  }
})

describe('speech', () => {
  const config = loadConfigs({ tools: toolsConfig }, {}).tools
  const at = (base: string): SpeechVendor[] =>
    vendorsOf({
      ...config,
      ...{ ttsOpenaiKey: 'k', ttsElevenlabsKey: 'k', ttsMinimaxKey: 'k', ttsMinimaxGroupId: 'g', ttsEdgeEnabled: true },
      ...{ ttsOpenaiBase: base, ttsElevenlabsBase: base, ttsMinimaxBase: base },
      ttsEdgeUrl: base.replace(/^http/, 'ws'),
    })

  it.each(privateHosts)('is not made at %s', async (host) => {
    const vendors = at(`http://${host}:1`)
    expect(vendors).toHaveLength(4)
    for (const vendor of vendors) {
      const asked = vendor.speak('hello', { format: 'mp3' }, { allow: [], timeoutMs: 30_000 })
      expect([vendor.name, await messageOf(asked)]).toEqual([vendor.name, expect.stringMatching(refusal)])
    }
  })
})
