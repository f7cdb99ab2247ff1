import { z } from 'zod'
import { defineHttpService } from './operation.ts'

const packageInfo = z
  .object({ name: z.string(), version: z.string() })
  .meta({ id: 'Package', description: 'An installed package' })

export const packages = defineHttpService('packages', {
  listPackages: {
    method: 'GET',
    path: '/v1/packages',
    role: 'viewer',
    summary: 'Installed packages by manager',
    response: {
      200: z.object({ system: z.array(packageInfo), pip: z.array(packageInfo), npm: z.array(packageInfo) }),
    },
    errors: [],
  },
  getPackageRuntimes: {
    method: 'GET',
    path: '/v1/packages/runtimes',
    role: 'viewer',
    summary: 'Availability of Python, Node and the package helper',
    response: {
      200: z.object({
        runtimes: z.array(
          z.object({
            name: z.enum(['python3', 'pip3', 'node', 'npm', 'pkg-helper']),
            available: z.boolean(),
            version: z.string().optional(),
          }),
        ),
        ready: z.boolean(),
        python: z.boolean(),
        node: z.boolean(),
      }),
    },
    errors: [],
  },
})
