"""An evening of one modern GPU with CIFAR; times are extrapolated from eight minutes of an H100 (tests/benchmarks/NOTES.md)."""

from sage.config.profiles.sizes import CellBudget, MacaqueBudget, Profile, SearchBudget

GPU = Profile(
    minutes=610,  # 10 for the teacher, 43 for pools and 78 for searches at 22,300 examples/s; 130 and 350 for cells, a guess
    memory_gb=16,  # measured, of the processor's: eight processes that train, a teacher beside
    image_size=32,  # as in the paper
    teacher_images=None,  # 45,000 of CIFAR
    train_images=15_000,  # a third: 30 million examples in all, 22 minutes
    validation_images=None,  # the paper's 5,000
    teacher_blocks=9,  # as in the paper
    teacher_width=16,  # the published narrow net
    teacher_epochs=60,  # ten minutes, half of what the pool takes
    layers=10,  # the paper's smaller space
    width=1.0,  # as in the paper
    pool=100,  # close to the paper's 116
    searched=100,  # as many as are random; the paper has 1000
    reseeded=20,  # a fifth of the pool
    mature_epochs=20,  # the paper's premature epochs for its accuracy-guided searches
    snapshots=(0, 0.25, 0.5, 1, 2, 3, 5, 10, 20),  # evenly on a logarithmic scale
    premature_epochs=2,  # the paper's
    batch_size=128,  # the usual value on CIFAR; the paper does not state one
    rdm_units=1000,  # the authors' published utilities draw as many
    rdm_images=200,  # 100 networks with all snapshots stay under 500 MB
    resamples=5000,  # interval ends settle to 0.005
    search=SearchBudget(
        layers=10,  # the paper's smaller space
        train_images=15_000,  # as the pool's
        mature_epochs=30,  # the learning rate drops first after 10
        epochs=(2, 10),  # the paper's few; many ends before the learning rate drops
        samples=40,  # 35 million examples a run
        every=10,  # four checkpoints
        top=3,  # the paper has 5
        runs=3,  # the paper's
        starts=20,  # the paper's
    ),
    cells=CellBudget(
        train_images=15_000,  # as the pool's
        mature_epochs=20,  # the paper's premature epochs for its accuracy-guided searches
        epochs=(2,),  # the paper's
        samples=200,  # 24 million examples for four searches
        every=200,  # one checkpoint
        top=10,  # the paper's
        runs=1,  # the paper's
        starts=20,  # the paper's
        blocks=5,  # the paper's
        batch_size=128,  # the usual value on CIFAR
        repeats=2,  # section 4.3: eight cells, and as many RDMs
        filters=24,  # not stated; between the published 32 and what is fast
        full_repeats=2,  # as the candidates
        full_filters=32,  # section 4.3
        full_images=None,  # all 50,000 of CIFAR
        full_epochs=60,  # a tenth of the paper's
        drop_path_keep=0.8,  # half as many dropped as in ten times the training
    ),
    macaque=MacaqueBudget(
        train_images=50_000,  # of 1000 classes of ImageNet 50 images each, 390 steps an epoch
        validation_images=10_000,  # 10 of each of 1000 classes
        mature_epochs=10,  # half a million examples
        epochs=(1,),  # the paper's
        samples=100,  # 15 million examples for three searches
        every=100,  # one checkpoint
        top=10,  # the paper's
        runs=3,  # a spread exists
        starts=20,  # the paper's
        blocks=5,  # the paper's
        batch_size=128,  # the paper's
        repeats=2,  # section 4.3: eight cells
        filters=24,  # not stated
        image_size=64,  # section 4.4
        recording_images=640,  # 3 MB for a network's eight layers
        stimuli=5760,  # section 4.4
        trials=28,  # in the paper 21 to 50
        full_repeats=2,  # as the candidates; the paper's networks have 4
        full_filters=24,  # likewise
        full_images=200_000,  # a sixth of ImageNet
        full_epochs=10,  # a quarter of the paper's
        full_size=64,  # as the candidates
        full_skeleton="imagenet search",  # likewise
        drop_path_keep=1.0,  # the paper's on ImageNet
    ),
)
