import { IsOptional, IsString } from 'class-validator';
import { validationPipe } from './validation.js';

class Optional {
  @IsOptional()
  @IsString()
  name?: string;
}

class Required {
  @IsString()
  name!: string;
}

describe('a query', () => {
  const query = (
    pipe: ReturnType<typeof validationPipe>,
    metatype: typeof Optional,
    value: object,
  ) => pipe.transform(value, { type: 'query', metatype });
  const refusal = { status: 400, code: 'invalid_request' };

  it('without parameters becomes its class, each time the same, which nobody can change', async () => {
    const pipe = validationPipe();
    const first: unknown = await query(pipe, Optional, {});
    expect(first).toBeInstanceOf(Optional);
    expect(await query(pipe, Optional, Object.create(null) as object)).toBe(first);
    expect(Object.isFrozen(first)).toBe(true);
  });

  it('without parameters is refused each time by a class that needs one', async () => {
    const pipe = validationPipe();
    for (let time = 0; time < 3; time += 1) {
      await expect(query(pipe, Required, {})).rejects.toMatchObject(refusal);
    }
  });

  it('with parameters is looked at for itself, whatever came before', async () => {
    const pipe = validationPipe();
    await query(pipe, Optional, {});
    expect(await query(pipe, Optional, { name: 'ann' })).toEqual({ name: 'ann' });
    await expect(query(pipe, Optional, { name: 1 })).rejects.toMatchObject(refusal);
    await expect(query(pipe, Optional, { other: 'x' })).rejects.toMatchObject(refusal);
    expect(await query(pipe, Optional, {})).toEqual({ name: undefined });
  });
});

describe('a body', () => {
  it('without members is an object of its own each time', async () => {
    const pipe = validationPipe();
    const metadata = { type: 'body', metatype: Optional } as const;
    const first: unknown = await pipe.transform({}, metadata);
    expect(first).toBeInstanceOf(Optional);
    expect(await pipe.transform({}, metadata)).not.toBe(first);
  });
});
