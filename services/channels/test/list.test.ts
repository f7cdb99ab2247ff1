import type { Caller } from '@clawmesh/contracts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startChannels, type ChannelsHarness } from './support.ts'

interface List {
  instances: { name: string }[]
  total: number
  limit: number
  offset: number
}

let channels: ChannelsHarness
let admin: Caller
beforeAll(async () => {
  channels = await startChannels()
  ;({ admin } = channels.tenant())
  await channels.create(admin, { name: 'charlie', channel_type: 'zalo_oa', display_name: '100% sure' })
  await channels.create(admin, { name: 'alpha', channel_type: 'telegram', display_name: '100 percent' })
  await channels.create(admin, { name: 'bravo_1', channel_type: 'zalo_personal', display_name: 'back\\slash' })
  await channels.create(admin, { name: 'bravoX1', channel_type: 'discord' })
})
afterAll(() => channels.stop())

const list = async (query: string, caller = admin) => {
  const { status, body } = await channels.request<List>(caller, 'GET', `/v1/channels/instances${query}`)
  return { ...body, status, names: body.instances?.map(({ name }) => name) }
}

describe('the list of instances', () => {
  rule('listChannelInstances.ordersByName', async () => {
    const viewer = testCaller({ ...admin, role: 'viewer' })
    const { names, ...page } = await list('', viewer)
    expect(page).toMatchObject({ status: 200, total: 4, limit: 50, offset: 0 })
    expect(names).toHaveLength(4)
    expect(names).toEqual([...names].sort((a, b) => (a < b ? -1 : 1)))
  })

  rule('listChannelInstances.countsAllMatches', async () => {
    const all = (await list('')).names
    expect(await list('?limit=2&offset=1')).toMatchObject({ total: 4, limit: 2, offset: 1, names: all.slice(1, 3) })
    expect(await list('?limit=1&search=bravo')).toMatchObject({
      total: 2,
      limit: 1,
      names: [expect.stringContaining('bravo')],
    })
    expect(await list('?offset=9')).toMatchObject({ total: 4, names: [] })
  })

  it.each([
    ['?limit=201', { limit: 200, offset: 0 }],
    ['?limit=200', { limit: 200, offset: 0 }],
    ['?limit=1', { limit: 1, offset: 0 }],
    ['?offset=-1', { limit: 50, offset: 0 }],
    ['?offset=few', { limit: 50, offset: 0 }],
    ['?offset=1.5', { limit: 50, offset: 0 }],
    ['?offset=', { limit: 50, offset: 0 }],
  ])(ruleName('listChannelInstances.capsThePage', '%s'), async (query, page) => {
    expect(await list(query)).toMatchObject({ status: 200, ...page })
  })

  it.each(['?limit=0', '?limit=-1', '?limit=many', '?limit=', '?limit=1.5'])(
    ruleName('listChannelInstances.capsThePage', '%s is refused'),
    async (query) => {
      expect((await list(query)).status).toBe(400)
    },
  )

  it('takes an offset beyond all there could be', async () => {
    expect(await list('?offset=9007199254740991')).toMatchObject({ status: 200, names: [] })
  })

  it.each([
    ['ALPHA', ['alpha']],
    ['PERCENT', ['alpha']],
    ['zalo', ['bravo_1', 'charlie']],
    ['100%', ['charlie']],
    ['%', ['charlie']],
    ['bravo_', ['bravo_1']],
    ['k\\s', ['bravo_1']],
    ['\\', ['bravo_1']],
    ['nothing', []],
  ])(ruleName('listChannelInstances.searchesLiterally', '%s'), async (text, names) => {
    const found = await list(`?search=${encodeURIComponent(text)}`)
    expect(found.names).toEqual(names)
    expect(found.total).toBe(names.length)
  })

  it.each([
    ['zalo_oa', ['charlie']],
    ['zalo-personal', ['bravo_1']],
    ['fax', []],
  ])(ruleName('listChannelInstances.filtersByType', '%s'), async (type, names) => {
    expect((await list(`?channel_type=${type}`)).names).toEqual(names)
  })
})
