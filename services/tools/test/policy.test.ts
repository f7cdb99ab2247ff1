import { loadConfigs } from '@clawmesh/chassis'
import fc from 'fast-check'
import { toolsConfig } from '../src/config.ts'
import { allowedTools, calledTool, canonicalName, type PolicyInput } from '../src/policy/policy.ts'
import { toolRulesSchema } from '../src/policy/rules.ts'
import { contractTools } from './contract-tools.ts'

const registry = contractTools
const allowed = (input: PolicyInput) => allowedTools(registry, input)

test('without rules everything passes, in the order of the registry', () => {
  expect(allowed({})).toEqual(registry)
  expect(allowed({ global: {}, agent: { allow: [], deny: [], alsoAllow: [], profile: '' }, request: [] })).toEqual(
    registry,
  )
})

describe('profiles', () => {
  test('minimal, coding, messaging, full', () => {
    expect(allowed({ global: { profile: 'minimal' } })).toEqual(['session_status'])
    expect(allowed({ global: { profile: 'messaging' } })).toEqual([
      ...['web_search', 'web_fetch', 'read_image', 'sessions_list', 'session_status'],
      ...['sessions_history', 'sessions_send', 'message', 'skill_search'],
    ])
    expect(allowed({ global: { profile: 'coding' } })).toEqual([
      ...[
        'read_file',
        'write_file',
        'list_files',
        'edit',
        'exec',
        'web_search',
        'web_fetch',
        'memory_search',
        'memory_get',
      ],
      ...[
        'read_image',
        'create_image',
        'sessions_list',
        'session_status',
        'sessions_history',
        'sessions_send',
        'spawn',
      ],
      'skill_search',
    ])
    expect(allowed({ global: { profile: 'full' } })).toEqual(registry)
  })

  test('an unknown one restricts nothing', () => {
    expect(allowed({ global: { profile: 'no-such' } })).toEqual(registry)
    expect(allowed({ global: { profile: 'constructor' } })).toEqual(registry)
  })

  test('a provider’s profile replaces the global one', () => {
    const global = { profile: 'minimal', byProvider: { openai: { profile: 'coding' }, weak: { profile: 'full' } } }
    expect(allowed({ global })).toEqual(['session_status'])
    expect(allowed({ global, provider: 'openai' })).toContain('exec')
    expect(allowed({ global, provider: 'weak' })).toEqual(registry)
    expect(allowed({ global, provider: 'constructor' })).toEqual(['session_status'])
  })

  test('an agent’s profile narrows further', () => {
    expect(allowed({ global: { profile: 'messaging' }, agent: { profile: 'coding' } })).toEqual([
      ...[
        'web_search',
        'web_fetch',
        'read_image',
        'sessions_list',
        'session_status',
        'sessions_history',
        'sessions_send',
      ],
      'skill_search',
    ])
  })
})

describe('lists', () => {
  test('allow lists narrow one after the other', () => {
    const input = {
      provider: 'p',
      global: { allow: ['group:fs', 'group:web'], byProvider: { p: { allow: ['group:fs', 'web_fetch'] } } },
      agent: { allow: ['read_file', 'edit', 'web_fetch', 'exec'], byProvider: { p: { allow: ['read_file', 'edit'] } } },
    }
    expect(allowed(input)).toEqual(['read_file', 'edit'])
    expect(allowed({ ...input, provider: 'other' })).toEqual(['read_file', 'edit', 'web_fetch'])
    expect(allowed({ ...input, request: ['edit'] })).toEqual(['edit'])
  })

  test('deny takes away from what is allowed, global and agent', () => {
    const input = { global: { allow: ['group:fs'], deny: ['edit'] }, agent: { deny: ['write_file'] } }
    expect(allowed(input)).toEqual(['read_file', 'list_files'])
  })

  test('alsoAllow gives back even what is denied, but nothing that is not in the registry', () => {
    const input = { global: { profile: 'minimal', deny: ['exec'] }, agent: { alsoAllow: ['exec', 'group:fs'] } }
    expect(allowed(input)).toEqual(['read_file', 'write_file', 'list_files', 'edit', 'exec', 'session_status'])
    const without = registry.filter((name) => name !== 'exec')
    expect(allowedTools(without, input)).not.toContain('exec')
  })

  test('aliases count as what they stand for', () => {
    expect(allowed({ global: { allow: ['bash', 'edit_file'] } })).toEqual(['edit', 'exec'])
    expect(allowed({ agent: { deny: ['sessions_spawn'] } })).not.toContain('spawn')
  })

  test('a group nobody knows holds nothing', () => {
    expect(allowed({ agent: { allow: ['group:none'] } })).toEqual([])
    expect(allowed({ agent: { allow: ['group:constructor'] } })).toEqual([])
  })

  test('run-time groups', () => {
    const groups = { mcp: ['mcp_a', 'mcp_b'], 'mcp:a': ['mcp_a'] }
    const all = [...registry, 'mcp_a', 'mcp_b']
    expect(allowedTools(all, { groups, agent: { allow: ['group:mcp:a'] } })).toEqual(['mcp_a'])
    expect(allowedTools(all, { groups, global: { profile: 'minimal' }, agent: { alsoAllow: ['group:mcp'] } })).toEqual([
      'session_status',
      'mcp_a',
      'mcp_b',
    ])
  })
})

test('subagents lose tools that alsoAllow cannot give back', () => {
  const also = { alsoAllow: ['group:goclaw'] }
  const child = allowed({ agent: also, subagent: 'child' })
  for (const name of ['exec', 'session_status', 'cron', 'memory_search', 'memory_get', 'sessions_send', 'team_tasks']) {
    expect(child).not.toContain(name)
  }
  expect(child).toContain('spawn')
  const deepest = allowed({ agent: also, subagent: 'deepest' })
  for (const name of ['exec', 'spawn', 'sessions_list', 'sessions_history']) expect(deepest).not.toContain(name)
})

test('rules from old rows: what cannot be read counts as absent', () => {
  expect(toolRulesSchema.parse({ allow: 'x', deny: ['exec'], profile: 3, byProvider: [], other: 1 })).toEqual({
    deny: ['exec'],
  })
})

test('of the installation is read of the file, whole', () => {
  const policy = {
    ...{ profile: 'coding', allow: ['group:fs'], deny: ['exec'], alsoAllow: ['datetime'], toolCallPrefix: 'p_' },
    byProvider: { openai: { profile: 'full' } },
  }
  const file = { path: '/c.json', values: { tools: policy } }
  expect(loadConfigs({ tools: toolsConfig }, {}, { file }).tools.policy).toEqual(policy)
})

test('names as models call them', () => {
  expect(canonicalName('bash')).toBe('exec')
  expect(canonicalName('apply-patch')).toBe('apply_patch')
  expect(canonicalName('toString')).toBe('toString')
  expect(calledTool('proxy_edit_file', 'proxy_')).toBe('edit')
  expect(calledTool('mcp__exec__x', 'mcp__{tool_name}__x')).toBe('exec')
  expect(calledTool('exec', 'proxy_')).toBe('exec')
  expect(calledTool('proxy_', 'proxy_')).toBe('proxy_')
})

test('property: deny lists only take away, and nothing comes from outside the registry', () => {
  const list = fc.array(fc.constantFrom(...registry, 'group:fs', 'group:web', 'group:goclaw', 'bash', 'nothing'), {
    maxLength: 6,
  })
  const rules = fc.record({
    profile: fc.constantFrom(undefined, 'minimal', 'coding', 'messaging', 'full'),
    allow: list,
    deny: list,
  })
  fc.assert(
    fc.property(rules, rules, list, (global, agent, deny) => {
      const before = new Set(allowed({ global, agent }))
      const after = allowed({ global, agent: { ...agent, deny: [...agent.deny, ...deny] } })
      expect(after.every((name) => before.has(name))).toBe(true)
      expect([...before].every((name) => registry.includes(name))).toBe(true)
    }),
  )
})
