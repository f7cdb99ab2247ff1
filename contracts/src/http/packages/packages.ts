import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

const packageInfo = z
  .object({ name: z.string(), version: z.string() })
  .meta({ id: 'Package', description: 'An installed package' })

export const packages = defineHttpTable('packages', {
  listPackages: {
    method: 'GET',
    path: '/v1/packages',
    role: 'viewer',
    summary: 'Installed packages by manager',
    rules: {
      listsWhatUsersInstalled:
        '`system` holds the packages that users installed, each once in the order of installation, with the version that the system’s manager knows, or none',
      listsAllOfPipAndNpm: '`pip` and `npm` hold what those managers report, of npm what is installed globally',
      waitsForNobody:
        'All managers are asked at once within 15 seconds; one that is missing, too slow or unreadable has an empty list',
    },
    response: {
      200: z.object({ system: z.array(packageInfo), pip: z.array(packageInfo), npm: z.array(packageInfo) }),
    },
    errors: [],
  },
})
