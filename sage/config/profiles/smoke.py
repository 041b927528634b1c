"""For tests: every step is taken, no number means anything."""

from sage.config.profiles.sizes import CellBudget, MacaqueBudget, Profile, SearchBudget

SMOKE = Profile(
    minutes=3.5,  # measured: 2 cores without AVX-512, objects; newer ones take a third
    memory_gb=2.5,  # three Python processes with torch
    image_size=16,  # a quarter of the work of 32
    teacher_images=640,  # 10 batches
    train_images=640,  # 10 batches
    validation_images=256,  # 4 per class: a mean over more than one
    teacher_blocks=1,  # the shallowest
    teacher_width=8,  # half of the published narrow net
    teacher_epochs=2,  # so that a resumed training has something to resume
    layers=4,  # connections that skip, merge and end unread all occur
    width=0.25,  # 8 to 32 filters
    pool=6,  # enough for a correlation with an interval
    searched=6,  # one more than are kept at a checkpoint
    reseeded=4,  # the fewest that have a correlation
    mature_epochs=2,  # both sides of an epoch's end
    snapshots=(0, 0.5, 1, 2),  # the start, within, at the end of an epoch, and mature
    premature_epochs=1,  # the only whole epoch before the mature one
    batch_size=64,  # 10 steps an epoch
    rdm_units=200,  # some layers have more, some fewer
    rdm_images=64,  # fewer than the validation images
    resamples=200,  # intervals only have to exist
    search=SearchBudget(
        layers=4,  # connections that skip, merge and end unread all occur
        train_images=320,  # 5 batches
        mature_epochs=2,  # longer than both premature ones
        epochs=(0.5, 1),  # few and many
        samples=6,  # one update of the reinforcement learner, and one more
        every=3,  # two checkpoints
        top=2,  # a best one and another
        runs=2,  # a spread exists
        starts=3,  # TPE proposes three
    ),
    cells=CellBudget(
        train_images=320,  # 5 batches
        mature_epochs=1,  # longer than the premature
        epochs=(0.5,),  # one is the paper's way too
        samples=3,  # TPE proposes one
        every=3,  # one checkpoint
        top=2,  # a best one and another
        runs=1,  # the paper's
        starts=2,  # so that TPE proposes
        blocks=2,  # one block can read the other
        batch_size=64,  # 5 steps an epoch
        repeats=1,  # cells that follow a reduction and cells that do not
        filters=2,  # the fewest
        full_repeats=1,  # as the candidates
        full_filters=2,  # likewise
        full_images=640,  # 10 batches
        full_epochs=2,  # so that a resumed training has something to resume
        drop_path_keep=0.6,  # Zoph et al. 2018
    ),
    macaque=MacaqueBudget(
        train_images=320,  # 5 batches
        validation_images=128,  # 2 per class
        mature_epochs=1,  # longer than the premature
        epochs=(0.5,),  # one is the paper's way too
        samples=3,  # TPE proposes one
        every=3,  # one checkpoint
        top=2,  # a best one and another
        runs=2,  # a spread exists
        starts=2,  # so that TPE proposes
        blocks=2,  # one block can read the other
        batch_size=64,  # 5 steps an epoch
        repeats=1,  # five cells
        filters=2,  # the fewest
        image_size=32,  # the least for the auxiliary classifier
        recording_images=32,  # fewer than the stimuli
        stimuli=64,  # each object once
        trials=2,  # halves exist
        full_repeats=1,  # as the candidates
        full_filters=2,  # likewise
        full_images=640,  # 10 batches
        full_epochs=2,  # so that a resumed training has something to resume
        full_size=32,  # as the candidates
        full_skeleton="imagenet search",  # likewise
        drop_path_keep=1.0,  # the paper's on ImageNet
    ),
)
