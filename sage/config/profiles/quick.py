"""The default: a laptop's two cores, in minutes. Meant for the embedded images."""

from sage.config.profiles.sizes import CellBudget, MacaqueBudget, Profile, SearchBudget

QUICK = Profile(
    minutes=60,  # 21 measured on 2 cores with AVX-512; without it 48 before there was the search by accuracy
    memory_gb=3.5,  # measured: three processes, shared libraries counted in each
    image_size=16,  # objects are still told apart, at a quarter of the work of 32
    teacher_images=None,  # the teacher is the stronger for all it can get
    train_images=None,  # the embedded images are 6,000
    validation_images=None,  # 1,500: 23 a class
    teacher_blocks=1,  # eight layers pass 60 % on the embedded images
    teacher_width=32,  # twice the published narrow net: five points better than 24
    teacher_epochs=18,  # accuracy is flat after the second drop of the learning rate
    layers=10,  # the paper's smaller space
    width=0.25,  # 8 to 32 filters: 11 times faster than the paper's
    pool=24,  # what the minutes allow
    searched=10,  # what the minutes allow; the paper has 1000
    reseeded=4,  # the fewest that give a ceiling
    mature_epochs=8,  # what the minutes allow
    snapshots=(0, 0.5, 1, 2, 3, 5, 8),  # evenly on a logarithmic scale, as the paper's Figure 2
    premature_epochs=2,  # the paper's
    batch_size=64,  # 93 steps an epoch; 128 would leave too few
    rdm_units=1000,  # the authors' published utilities draw as many
    rdm_images=200,  # 40 kB per layer in float16, and as much for the Gram matrix
    resamples=2000,  # interval ends settle to 0.01
    search=SearchBudget(
        layers=10,  # the paper's smaller space
        train_images=3_000,  # half of the embedded images, 46 steps an epoch
        mature_epochs=6,  # the learning rate drops first after 2
        epochs=(0.5, 2),  # both before the learning rate drops, as the paper's 2 and 20 of 300
        samples=8,  # what the minutes allow
        every=4,  # two checkpoints
        top=2,  # what the minutes allow
        runs=2,  # a spread exists; three would take half as long again
        starts=4,  # half of the samples; the paper has 20 of 1000
    ),
    cells=CellBudget(
        train_images=2_000,  # a third of the embedded images, 31 steps an epoch
        mature_epochs=1,  # what the minutes allow
        epochs=(0.5,),  # 1,000 examples
        samples=6,  # what the minutes allow
        every=6,  # one checkpoint
        top=2,  # what the minutes allow; the paper has 10
        runs=1,  # the paper's
        starts=3,  # half of the samples; the paper has 20 of 1000
        blocks=5,  # the paper's
        batch_size=64,  # as the pool's
        repeats=1,  # five cells; the paper's N = 2 would take half as long again
        filters=8,  # a quarter of the smallest published
        full_repeats=1,  # as the candidates
        full_filters=8,  # likewise
        full_images=2_000,  # what the minutes allow
        full_epochs=1,  # what the minutes allow
        drop_path_keep=1.0,  # so short a training cannot overfit
    ),
    macaque=MacaqueBudget(
        train_images=1_000,  # 15 steps an epoch
        validation_images=500,  # 8 a class
        mature_epochs=2,  # what the minutes allow
        epochs=(1,),  # the paper's
        samples=6,  # what the minutes allow
        every=6,  # one checkpoint
        top=2,  # what the minutes allow; the paper has 10
        runs=2,  # a spread exists
        starts=3,  # half of the samples; the paper has 20 of 1000
        blocks=5,  # the paper's
        batch_size=64,  # as the pool's
        repeats=1,  # five cells; the paper's N = 2 would take half as long again
        filters=8,  # a quarter of the smallest published
        image_size=32,  # half of the paper's: a quarter of the work
        recording_images=128,  # each object twice
        stimuli=512,  # each object 8 times; the paper's images show each 90 times
        trials=20,  # close to the paper's 21 to 50
        full_repeats=1,  # as the candidates
        full_filters=8,  # likewise
        full_images=2_000,  # what the minutes allow
        full_epochs=1,  # what the minutes allow
        full_size=32,  # as the candidates
        full_skeleton="imagenet search",  # likewise
        drop_path_keep=1.0,  # the paper's on ImageNet
    ),
)
