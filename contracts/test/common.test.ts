import { uuid } from '../src/http/common.ts'

it('an id is any text of the form of a UUID, whatever its version says, in lower case', () => {
  for (const version of '0123456789abcdef')
    for (const variant of '07cf') {
      const id = `0193A5B0-7000-${version}000-${variant}000-000000000001`
      expect(uuid.parse(id)).toBe(id.toLowerCase())
    }
  for (const id of ['', 'nobody', '0193a5b0-7000-7000-8000-00000000000', 'g193a5b0-7000-7000-8000-000000000001'])
    expect(uuid.safeParse(id).success).toBe(false)
})
