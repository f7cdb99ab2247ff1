import fc from 'fast-check'
import { chunkSizes, readMemorySettings } from '../src/agents/settings.ts'

const settings = (config: unknown, shared = false) =>
  readMemorySettings({
    memoryConfigJson: JSON.stringify(config) ?? '',
    shareMemory: shared,
    shareKnowledgeGraph: shared,
  })

describe('settings of an agent', () => {
  it('are the defaults where it says nothing', () => {
    const found = settings({ enabled: true })
    expect(found).toMatchObject({
      maxResults: 6,
      minScore: 0,
      textWeight: undefined,
      vectorWeight: undefined,
      shareMemory: false,
    })
    expect(chunkSizes(found, {})).toEqual({ maxLength: 1000, overlap: 200 })
  })

  it('come before those of the tenant', () => {
    const system = { 'embedding.max_chunk_len': '500', 'embedding.chunk_overlap': '50' }
    expect(chunkSizes(settings({}), system)).toEqual({ maxLength: 500, overlap: 50 })
    expect(chunkSizes(settings({ max_chunk_len: 300 }), system)).toEqual({ maxLength: 300, overlap: 50 })
  })

  it('share memory and graph when either place says so', () => {
    expect(settings({ share_knowledge_graph: true }).shareKnowledgeGraph).toBe(true)
    expect(settings({}, true).shareKnowledgeGraph).toBe(true)
    expect(settings({ share_memory: true }).shareKnowledgeGraph).toBe(false)
    expect(settings({ share_memory: true }).shareMemory).toBe(true)
    expect(settings({}, true).shareMemory).toBe(true)
  })

  it('are never an error, whatever stands in the config', () => {
    const broken = { memoryConfigJson: '{"max_results":', shareMemory: false, shareKnowledgeGraph: false }
    expect(readMemorySettings(broken).maxResults).toBe(6)
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(settings(value).maxResults).toBe(6)
        for (const wrong of [{ max_results: value, max_chunk_len: value, text_weight: value }])
          expect(chunkSizes(settings(wrong), {}).maxLength).toBeGreaterThanOrEqual(100)
      }),
    )
  })
})
