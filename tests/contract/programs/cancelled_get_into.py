"""A read into memory of the caller that is deaf to cancellation for two seconds: the call ends when it does."""

import asyncio

import s3dlio


async def main() -> None:
    memory = bytearray(1 << 20)
    task = asyncio.create_task(s3dlio.get_into_async("fault://stubborn/1000000", memory, expected_len=1_000_000))
    while not any(memory[:16]):
        await asyncio.sleep(0.01)
    for _ in range(5):  # cancelling it again changes nothing
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done(), "it ended while the library writes"
    try:
        await task
    except asyncio.CancelledError:
        at_the_end = bytes(memory)
        memory.append(1)  # nobody holds it
        await asyncio.sleep(0.1)
        assert memory[:-1] == at_the_end
        print("ok")


if __name__ == "__main__":
    asyncio.run(main())
