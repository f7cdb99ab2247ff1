import { ConfigError, loadConfigs } from '@clawmesh/chassis'
import { tracesConfig } from '../src/index.ts'

const load = (prices: string) => loadConfigs({ traces: tracesConfig }, { CLAWMESH_MODEL_PRICES: prices }).traces

it('prices are read from JSON, and none are needed', () => {
  const prices = { 'gpt-4o': { input_per_million: 1, output_per_million: 2, cache_read_per_million: 0.5 } }
  expect(load(JSON.stringify(prices)).modelPrices).toEqual(prices)
  expect(load('').modelPrices).toEqual({})
})

it.each(['{', '[]', '{"m": 3}', '{"m": {"input_per_million": -1, "output_per_million": 1}}', '{"m": {"input": 1}}'])(
  'prices that make no sense are refused at start: %s',
  (prices) => {
    expect(() => load(prices)).toThrow(ConfigError)
    expect(() => load(prices)).toThrow('CLAWMESH_MODEL_PRICES')
  },
)
