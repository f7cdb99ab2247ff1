import { readManyFrames } from './scenarios/ws-frame-bytes.ts'

test('a hundred thousand frames of any bytes are each a request or say why they are none', () => {
  const { requests, refused } = readManyFrames(100_000)
  expect(requests).toBeGreaterThan(1_000)
  expect(refused).toBeGreaterThan(10_000)
}, 600_000)
