import { catalogues } from '@clawmesh/contracts'
import { availableTools, catalogue, catalogueFor, unmetNeedsOf } from '../src/builtin-tools/catalogue.ts'
import { toolGroups } from '../src/policy/groups.ts'
import { requirementsOf } from '../src/tool/ports.ts'
import { parametersSchema } from '../src/tool/tool.ts'
import { contractTools, ofContract } from './contract-tools.ts'

const find = (name: string) => catalogue.find((entry) => entry.name === name)!
const switchedOn = (name: string) => ({ name, enabled: true, tenantEnabled: null })

test('holds the tools of the contract in its order, each once, with a text in each place', () => {
  const names = catalogue.map(({ name }) => name)
  expect(ofContract(names)).toEqual(contractTools)
  expect(new Set(names).size).toBe(names.length)
  const described = Object.keys(catalogues.en).filter((key) => key.startsWith('core.tool.'))
  expect(described.toSorted()).toEqual(names.map((name) => `core.tool.${name}`).toSorted())
  for (const { name, displayName } of catalogue) {
    expect(displayName.length).toBeGreaterThan(0)
    expect(name.length).toBeLessThanOrEqual(100)
  }
})

test('a tool can be run, or is off and says what it needs; media tools are off until somebody wants them', () => {
  for (const entry of catalogue) {
    const { name, enabled, tool, category } = entry
    const isOffered = tool !== undefined && (category !== 'media' || name === 'tts')
    expect([name, enabled]).toEqual([name, isOffered])
    if (tool === undefined) expect([name, requirementsOf(entry)]).not.toEqual([name, []])
    expect(unmetNeedsOf(name)).toEqual(tool === undefined ? requirementsOf(entry) : undefined)
  }
  expect(requirementsOf(find('read_image'))).toEqual(['vision_provider'])
  expect(requirementsOf(find('memory_search'))).toEqual(['memory'])
  expect(requirementsOf(find('knowledge_graph_search'))).toEqual(['knowledge_graph'])
  expect(requirementsOf(find('read_file'))).toEqual([])
  expect(unmetNeedsOf('stranger')).toBeUndefined()
})

test('models are told of arguments what they need, and not what only we can use', () => {
  const written = catalogue.flatMap(({ tool }) => (tool ? [JSON.stringify(parametersSchema(tool))] : []))
  expect(written.length).toBeGreaterThan(20)
  for (const text of written) {
    expect(text).not.toMatch(/"maxLength"|9007199254740991|"format":"[^"]*","pattern"|isBrief/)
    expect(text.length).toBeLessThan(2_500)
  }
})

test('what can be configured says where', () => {
  expect(find('tts').metadata).toEqual({ config_hint: 'Config → TTS' })
  expect(find('read_file').metadata).toEqual({})
})

test('web_fetch does not send addresses to a third party', () => {
  expect(find('web_fetch').settings).toEqual({
    extractors: [
      { name: 'defuddle', enabled: false, base_url: 'https://fetch.goclaw.sh/', max_retries: 2 },
      { name: 'html-to-markdown', enabled: true },
    ],
  })
})

test('tools without code are not on offer whatever their row says', () => {
  const states = [...catalogue.map(({ name }) => name), 'stranger'].map(switchedOn)
  const planned = ['message', 'spawn', 'skill_search', 'use_skill', 'publish_skill', 'skill_manage', 'team_tasks']
  const offered = availableTools(states).map(({ name }) => name)
  expect(offered).toEqual(catalogue.map(({ name }) => name).filter((name) => !planned.includes(name)))
})

test('what the installation has not set up is offered to nobody, and is what the tools that need it say', () => {
  const lacking = new Set(['ttsProvider'] as const)
  const offered = availableTools(
    catalogue.map(({ name }) => switchedOn(name)),
    lacking,
  )
  expect(offered.map(({ name }) => name)).toEqual(
    catalogue.filter(({ name, tool }) => tool !== undefined && name !== 'tts').map(({ name }) => name),
  )
  expect(unmetNeedsOf('tts', lacking)).toEqual(['tts_provider'])
  expect(catalogueFor(lacking).map(({ name, enabled }) => [name, enabled])).toEqual(
    catalogue.map(({ name, enabled }) => [name, enabled && name !== 'tts']),
  )
  expect(unmetNeedsOf('read_file', lacking)).toBeUndefined()
})

test('a tenant can switch off and not on', () => {
  const states = [
    { name: 'edit', enabled: true, tenantEnabled: false },
    { name: 'web_fetch', enabled: false, tenantEnabled: true },
    { name: 'list_files', enabled: false, tenantEnabled: null },
    { name: 'write_file', enabled: true, tenantEnabled: true },
    switchedOn('read_file'),
  ]
  expect(availableTools(states).map(({ name }) => name)).toEqual(['read_file', 'write_file'])
})

test('groups follow from the tools, and goclaw holds all that are in one', () => {
  expect(ofContract(toolGroups['fs']!)).toEqual(['read_file', 'write_file', 'list_files', 'edit'])
  expect(toolGroups['messaging']).toEqual(['message', 'create_forum_topic', 'list_group_members'])
  expect(toolGroups['sessions']!.toSorted()).toEqual(
    ['sessions_list', 'sessions_history', 'sessions_send', 'spawn', 'session_status'].toSorted(),
  )
  const grouped = catalogue.filter(({ groups }) => groups.length > 0).map(({ name }) => name)
  for (const name of ['datetime', 'knowledge_graph_search', 'use_skill', 'publish_skill', 'skill_manage'])
    expect(toolGroups['goclaw']).not.toContain(name)
  expect(toolGroups['goclaw']).toEqual([...grouped, 'create_forum_topic', 'list_group_members', 'mcp_tool_search'])
})
