import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { documentSettings } from './documents/config.ts'
import { embeddingSettings } from './embeddings/config.ts'
import { searchSettings } from './search/config.ts'

export const memoryConfig = defineConfig('memory', { ...searchSettings, ...embeddingSettings, ...documentSettings })

export type MemoryConfig = ConfigOf<typeof memoryConfig>
