import { createAdapters } from '../src/adapters/table.ts'
import { createTestPlatform } from './test-platform.ts'

const { adapter } = createTestPlatform()

describe('the table of adapters', () => {
  it('loads an adapter when its type is first asked for, once', async () => {
    let loads = 0
    const adapters = createAdapters({
      telegram: async () => {
        loads++
        return adapter
      },
      slack: () => Promise.reject(new Error('not asked for')),
    })
    expect([adapters.types, loads]).toEqual([['telegram', 'slack'], 0])
    const found = await Promise.all([adapters.find('telegram'), adapters.find('telegram')])
    expect([found, loads]).toEqual([[adapter, adapter], 1])
    expect(await adapters.find('discord')).toBeUndefined()
  })

  it('loads again after a failure', async () => {
    let loads = 0
    const adapters = createAdapters({
      telegram: async () => {
        if (++loads === 1) throw new Error('no such module')
        return adapter
      },
    })
    await expect(adapters.find('telegram')).rejects.toThrow('no such module')
    expect(await adapters.find('telegram')).toBe(adapter)
  })
})
