/** Hands what the global set-up started to the global teardown: jest loads the two as separate modules. */
const key = Symbol.for('clawmesh.test.stopDependencies')

const shared = globalThis as { [key]?: () => Promise<void> }

export function keepForTeardown(stop: () => Promise<void>): void {
  shared[key] = stop
}

export async function stopKept(): Promise<void> {
  await shared[key]?.()
}
