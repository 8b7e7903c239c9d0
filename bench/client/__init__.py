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

s3torchconnector and what stands in for it have more of them:

    samples(task), transformed(task)    all objects, read from a dataset's readers, or by its transform
    bytes_loader(task)                  a DataLoader whose samples are bytes
    reader_loader(task)                 a DataLoader whose samples are readers
    torch_save(task, state)             stores a state dict of tensors
    torch_load(task)                    the tensors of one
    dcp_load(task, state)               some tensors of a distributed checkpoint

Those that read are generators of what they deliver; clients and pools are made once, during the warm-up.
"""
