"""What runs in a peer's own process: a module a peer, with a function for each work that it can do.

    objects(task)               all objects, one after the other
    whole(task)                 one large object
    reused(task, memory)        the same into memory that has been used before
    listing(task)               the number of keys
    put(task, objects)          stores (key, data)
    upload(task, key, data)     stores one large object
    stream(task, key, pieces)   stores one large object piece by piece
    file(task), files(task)     local files; the large one in blocks where that is what the peer does
    loader(task)                batches of a torch DataLoader
    many_keys(task)             a dataset of many tiny objects, for its memory

Those that read are generators of what they deliver; clients and pools are made once, during the warm-up.
"""
